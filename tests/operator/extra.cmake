target_link_libraries(test-operator PRIVATE stagekeeper-lib)
target_sources(test-operator PRIVATE
  ${CMAKE_SOURCE_DIR}/tests/fakes/fake_api.cc ${CMAKE_SOURCE_DIR}/tests/fakes/server_side_apply.cc
  ${CMAKE_SOURCE_DIR}/tests/fakes/fake_s3.cc ${CMAKE_SOURCE_DIR}/tests/fakes/memory_store.cc)
