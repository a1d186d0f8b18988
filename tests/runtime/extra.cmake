include(${CMAKE_SOURCE_DIR}/tests/fakes/http_imposter.cmake)
target_sources(test-runtime PRIVATE
  ${CMAKE_SOURCE_DIR}/tests/fakes/fake_api.cc ${CMAKE_SOURCE_DIR}/tests/fakes/server_side_apply.cc)
target_link_libraries(test-runtime PRIVATE nlohmann_json::nlohmann_json)
