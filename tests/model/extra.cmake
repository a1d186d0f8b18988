target_link_libraries(test-model PRIVATE nlohmann_json::nlohmann_json yaml-cpp)
