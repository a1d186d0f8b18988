# Adds the HTTP imposter and its certificates to the test program being made; in extra.cmake:
# include(${CMAKE_SOURCE_DIR}/tests/fakes/http_imposter.cmake)
target_sources(test-${module} PRIVATE
  ${CMAKE_SOURCE_DIR}/tests/fakes/http_imposter.cc ${CMAKE_SOURCE_DIR}/tests/fakes/test_pki.cc
  ${CMAKE_SOURCE_DIR}/tests/fakes/lsan_suppressions.cc
  ${CMAKE_SOURCE_DIR}/tests/fakes/tsan_suppressions.cc)
target_link_libraries(test-${module} PRIVATE sk_http OpenSSL::SSL fmt::fmt)
