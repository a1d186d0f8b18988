# Language level, warnings, hardening and sanitizers, carried by the interface target sk_options.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  # Paths relative to this tree, so that another checkout of it finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  add_link_options(-fuse-ld=mold)
endif()

set(SK_SANITIZE "" CACHE STRING "sanitizers to build with, e.g. address,undefined or thread")

add_library(sk_options INTERFACE)
target_compile_options(sk_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wformat=2 -Wimplicit-fallthrough -Werror
  # Members that an initialiser leaves out have their default: that is what they are left out for.
  -Wno-missing-field-initializers
  -fstack-protector-strong)
target_compile_definitions(sk_options INTERFACE
  _GLIBCXX_ASSERTIONS
  _TURN_OFF_PLATFORM_STRING) # cpprestsdk's macro U collides with Boost
# What only some compilers or processors know, asked of the compiler: -fcf-protection is x86's word for
# what arm64 calls -mbranch-protection. Clang is left out, which only reads this code.
include(CheckCXXCompilerFlag)
set(SK_HARDENING)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  foreach(flag -fstack-clash-protection -fcf-protection=full -mbranch-protection=standard
               -ftrivial-auto-var-init=zero -Wbidi-chars=any)
    string(MAKE_C_IDENTIFIER "SK_HAS${flag}" known)
    check_cxx_compiler_flag(${flag} ${known})
    if(${known})
      list(APPEND SK_HARDENING ${flag})
    endif()
  endforeach()
  target_compile_options(sk_options INTERFACE ${SK_HARDENING})
endif()
message(STATUS "hardening on ${CMAKE_SYSTEM_PROCESSOR}: ${SK_HARDENING}")
if(SK_SANITIZE)
  # vptr: the classes of libcpprest do not share their type information with ours. The warnings: GCC
  # takes fmt's instrumented temporaries for uninitialised.
  add_compile_options(-fsanitize=${SK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
                      -fno-sanitize=vptr -Wno-uninitialized -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=${SK_SANITIZE})
else()
  add_compile_options($<$<CONFIG:Release>:-U_FORTIFY_SOURCE> $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=3>)
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
endif()
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
