include(${CMAKE_SOURCE_DIR}/tests/fakes/http_imposter.cmake)
