find_library(RAPIDCHECK rapidcheck REQUIRED) # properties with examples that shrink
target_link_libraries(test-promotion PRIVATE ${RAPIDCHECK})
