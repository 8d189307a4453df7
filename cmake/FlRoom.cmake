# fl_room(NAME HEADERS... SOURCES... TESTS... DEPS... PRIVATE_DEPS...)
#
# One room of the house is one static library `fairlead_<name>` with the alias `fairlead::<name>`
# (a slash in the folder becomes an underscore). HEADERS are the room's public headers: each must
# compile alone, which the target `all_verify_interface_header_sets` proves. DEPS are the rooms that
# its headers or sources include (docs/layers.txt says which are allowed). TESTS become one program
# `<name>_test`; TEST_DEPS are what only the tests link.
#
# PRIVATE_DEPS are outside libraries, whose headers stay in this room's sources. The room's
# CMakeLists.txt finds them before it calls fl_room() and names the imported target, never a path:
#   find_package(simdjson REQUIRED)      simdjson::simdjson
#   find_package(yaml-cpp REQUIRED)      yaml-cpp
#   find_package(SQLite3 REQUIRED)       SQLite::SQLite3
#   find_package(spdlog REQUIRED)        spdlog::spdlog
#   find_package(fmt REQUIRED)           fmt::fmt
#   find_package(Protobuf REQUIRED)      protobuf::libprotobuf
#   find_package(ZLIB REQUIRED)          ZLIB::ZLIB
#   find_package(zstd REQUIRED)          zstd::libzstd_shared
#   find_package(OpenSSL REQUIRED)       OpenSSL::SSL OpenSSL::Crypto
#   nothing: re2 has no CMake package    re2
# Libraries are static, so an installed room names them again: FlInstall.cmake knows how to find
# each, and refuses one that is not in its table.
include_guard(GLOBAL)
include(GoogleTest)

function(fl_room name)
  cmake_parse_arguments(arg "" "" "HEADERS;SOURCES;TESTS;DEPS;PRIVATE_DEPS;TEST_DEPS" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "fl_room(${name}): unknown words: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  string(REPLACE "/" "_" id ${name})
  set(target fairlead_${id})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:fl_flags> ${arg_PRIVATE_DEPS})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(fairlead::${id} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${id} VERIFY_INTERFACE_HEADER_SETS ON)
  target_sources(${target} ${scope}
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${arg_HEADERS})
  target_link_libraries(${target} ${scope} ${arg_DEPS} Threads::Threads)
  target_compile_features(${target} ${scope} cxx_std_20)
  set_property(GLOBAL APPEND PROPERTY FL_ROOM_TARGETS ${target})

  if(FL_TESTS AND arg_TESTS)
    add_executable(${id}_test ${arg_TESTS})
    target_link_libraries(${id}_test PRIVATE ${target} fl_flags ${arg_TEST_DEPS}
      GTest::gmock GTest::gtest_main)
    # The tidy preset looks at what is shipped; tests may be plainer than fast.
    set_target_properties(${id}_test PROPERTIES CXX_CLANG_TIDY "")
    target_compile_definitions(${id}_test PRIVATE FL_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    gtest_discover_tests(${id}_test TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
      PROPERTIES TIMEOUT 120)
    # Labels as a list do not pass through gtest_discover_tests of CMake 3.25; this file is read
    # by ctest right after the discovered names.
    set(labels_file ${CMAKE_CURRENT_BINARY_DIR}/${id}_labels.cmake)
    file(CONFIGURE OUTPUT ${labels_file} @ONLY CONTENT
[[if(@id@_test_TESTS)
  set_tests_properties(${@id@_test_TESTS} PROPERTIES LABELS "unit;room-@id@")
endif()
]])
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${labels_file})
  endif()
endfunction()
