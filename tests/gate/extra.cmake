target_link_libraries(test-gate PRIVATE stagekeeper-gate-lib)
