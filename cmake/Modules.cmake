# One static library per src/ folder, one test program per tests/ folder, sources found by glob so
# that a new file needs no edit here.

# sk_library(NAME [DEPS libs...] [PRIVATE libs...]): library sk_NAME from src/NAME and the folders
# in it.
# DEPS are visible to users of the library, PRIVATE ones (third-party adapters) are not.
function(sk_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc
       ${CMAKE_SOURCE_DIR}/src/${name}/*/*.cc)
  if(NOT sources)
    add_library(sk_${name} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(sk_${name} STATIC ${sources})
    set(scope PUBLIC)
    if(ARG_PRIVATE)
      target_link_libraries(sk_${name} PRIVATE ${ARG_PRIVATE})
    endif()
  endif()
  target_include_directories(sk_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  sk_resolve(deps ${ARG_DEPS})
  target_link_libraries(sk_${name} ${scope} ${deps} sk_options)
endfunction()

# sk_program(NAME MAIN file DIRS dirs... DEPS libs...): an executable, and library NAME-lib with
# everything but main, so that tests can link it.
function(sk_program name)
  cmake_parse_arguments(ARG "" "MAIN" "DIRS;DEPS" ${ARGN})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${ARG_MAIN})
    return()
  endif()
  set(sources)
  foreach(dir ${ARG_DIRS})
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${dir}/*.cc
         ${CMAKE_SOURCE_DIR}/${dir}/*/*.cc)
    list(APPEND sources ${found})
  endforeach()
  sk_resolve(deps ${ARG_DEPS})
  add_executable(${name} ${ARG_MAIN})
  if(sources)
    add_library(${name}-lib STATIC ${sources})
    target_include_directories(${name}-lib PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name}-lib PUBLIC ${deps})
    target_link_libraries(${name} PRIVATE ${name}-lib)
  endif()
  target_link_libraries(${name} PRIVATE ${deps})
  target_compile_definitions(${name} PRIVATE STAGEKEEPER_VERSION="${PROJECT_VERSION}")
endfunction()

# sk_tests(modules...): test-NAME from tests/NAME/*.cc, linked with the module and tests/fakes. What
# is tested is built as it is shipped or with every sanitizer; for the tests themselves less will do,
# in half the time. The explorer forks a process for each move, which no sanitizer likes.
function(sk_tests)
  find_package(doctest REQUIRED)
  foreach(module ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${module}/*.cc)
    if(NOT sources OR (SK_SANITIZE AND module STREQUAL explorer))
      continue()
    endif()
    add_executable(test-${module} ${sources})
    target_compile_options(test-${module} PRIVATE $<$<CONFIG:Release>:-Og>)
    if(SK_SANITIZE MATCHES undefined)
      target_compile_options(test-${module} PRIVATE -fno-sanitize=undefined)
    endif()
    target_include_directories(test-${module} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src)
    if(TARGET sk_${module})
      target_link_libraries(test-${module} PRIVATE sk_${module})
    endif()
    if(EXISTS ${CMAKE_SOURCE_DIR}/tests/${module}/extra.cmake)
      include(${CMAKE_SOURCE_DIR}/tests/${module}/extra.cmake) # what else this program links
    endif()
    target_link_libraries(test-${module} PRIVATE doctest::doctest)
    add_test(NAME ${module} COMMAND test-${module} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endforeach()
endfunction()

# Module names become sk_ targets, anything else stays as it is.
function(sk_resolve out)
  set(result)
  foreach(dep ${ARGN})
    if(TARGET sk_${dep})
      list(APPEND result sk_${dep})
    else()
      list(APPEND result ${dep})
    endif()
  endforeach()
  set(${out} ${result} PARENT_SCOPE)
endfunction()
