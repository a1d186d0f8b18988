target_sources(test-audit PRIVATE
  ${CMAKE_SOURCE_DIR}/tests/fakes/memory_store.cc ${CMAKE_SOURCE_DIR}/tests/fakes/fake_s3.cc)
if(TARGET kubectl-stagekeeper-lib)
  target_link_libraries(test-audit PRIVATE kubectl-stagekeeper-lib) # the audit commands
endif()
