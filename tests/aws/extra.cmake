include(${CMAKE_SOURCE_DIR}/tests/fakes/http_imposter.cmake)
target_sources(test-aws PRIVATE
  ${CMAKE_SOURCE_DIR}/tests/fakes/memory_store.cc ${CMAKE_SOURCE_DIR}/tests/fakes/fake_s3.cc)
target_link_libraries(test-aws PRIVATE sk_audit) # the fake server keeps its objects in the fake store
