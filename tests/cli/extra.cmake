if(TARGET kubectl-stagekeeper-lib)
  target_link_libraries(test-cli PRIVATE kubectl-stagekeeper-lib)
endif()
