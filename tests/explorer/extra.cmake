target_link_libraries(test-explorer PRIVATE stagekeeper-lib)
target_sources(test-explorer PRIVATE
  ${CMAKE_SOURCE_DIR}/tests/operator/room.cc ${CMAKE_SOURCE_DIR}/tests/operator/replica.cc
  ${CMAKE_SOURCE_DIR}/tests/fakes/fake_api.cc
  ${CMAKE_SOURCE_DIR}/tests/fakes/server_side_apply.cc ${CMAKE_SOURCE_DIR}/tests/fakes/memory_store.cc)
