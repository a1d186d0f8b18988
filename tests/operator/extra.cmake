target_link_libraries(test-operator PRIVATE stagekeeper-lib)
