include(${CMAKE_SOURCE_DIR}/tests/fakes/http_imposter.cmake)
target_link_libraries(test-kube PRIVATE nlohmann_json::nlohmann_json)
target_sources(test-kube PRIVATE
  ${CMAKE_SOURCE_DIR}/tests/fakes/fake_api.cc ${CMAKE_SOURCE_DIR}/tests/fakes/server_side_apply.cc)
