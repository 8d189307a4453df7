# `cmake --install` and find_package(fairlead): every room with its public headers, and the target
# fairlead::fairlead, which is what a user's program links.
include_guard(GLOBAL)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What users link: the room `service`, which is the library's front; `base` while it is not there.
add_library(fairlead_fairlead INTERFACE)
add_library(fairlead::fairlead ALIAS fairlead_fairlead)
set_target_properties(fairlead_fairlead PROPERTIES EXPORT_NAME fairlead)
if(TARGET fairlead_service)
  target_link_libraries(fairlead_fairlead INTERFACE fairlead_service)
else()
  target_link_libraries(fairlead_fairlead INTERFACE fairlead_base)
endif()

# Without it g++ makes the jump from one coroutine to the next a call, and long chains overflow the
# stack in a user's debug build (docs/adr/0001).
target_compile_options(fairlead_fairlead INTERFACE
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-foptimize-sibling-calls>)

# A project that holds this one as a folder links the target and installs what it likes.
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

# Rooms are static libraries, so whoever links an installed room must find again what that room
# links privately. One line per outside library: its target = the find_dependency() that finds it,
# or nothing for a plain library name that the linker finds.
set(FL_OUTSIDE_LIBRARIES
  "Threads::Threads=Threads"
  "CLI11::CLI11=CLI11"
  "EXPAT::EXPAT=EXPAT"
  "OpenSSL::SSL=OpenSSL"
  "OpenSSL::Crypto=OpenSSL"
  "SQLite::SQLite3=SQLite3"
  "ZLIB::ZLIB=ZLIB"
  "fmt::fmt=fmt"
  "protobuf::libprotobuf=Protobuf"
  "re2="
  "simdjson::simdjson=simdjson"
  "spdlog::spdlog=spdlog"
  "yaml-cpp=yaml-cpp"
  "zstd::libzstd_shared=zstd")

# Sets `out` to the find_dependency() lines that the rooms given need.
function(fl_find_dependency_lines out)
  set(lines "")
  foreach(target IN LISTS ARGN)
    get_target_property(type ${target} TYPE)
    set(linked "")
    foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
      if(NOT (type STREQUAL "INTERFACE_LIBRARY" AND property STREQUAL "LINK_LIBRARIES"))
        get_target_property(value ${target} ${property})
        if(value)
          list(APPEND linked ${value})
        endif()
      endif()
    endforeach()
    foreach(library IN LISTS linked)
      string(REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" library "${library}")
      # Rooms are in the same export; what is only for building is not exported; `::@(...)` marks
      # the folder in which a name was linked.
      if(library MATCHES "^(fairlead(::|_)|\\$<BUILD_INTERFACE:|::@)")
        continue()
      endif()
      set(line "unknown")
      foreach(entry IN LISTS FL_OUTSIDE_LIBRARIES)
        if(entry MATCHES "^${library}=(.*)$")
          set(line "${CMAKE_MATCH_1}")
        endif()
      endforeach()
      if(line STREQUAL "unknown")
        message(FATAL_ERROR "${target} links '${library}', but an installed ${target} would not "
          "find it again. Add a line to FL_OUTSIDE_LIBRARIES in cmake/FlInstall.cmake.")
      endif()
      if(line)
        list(APPEND lines "find_dependency(${line})")
      endif()
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES lines)
  list(SORT lines)
  list(JOIN lines "\n" lines)
  set(${out} "${lines}" PARENT_SCOPE)
endfunction()

get_property(fl_rooms GLOBAL PROPERTY FL_ROOM_TARGETS)
fl_find_dependency_lines(FL_FIND_DEPENDENCIES ${fl_rooms})

install(TARGETS ${fl_rooms} fairlead_fairlead EXPORT fairlead
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(fl_package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/fairlead)
install(EXPORT fairlead NAMESPACE fairlead:: FILE fairlead-targets.cmake
  DESTINATION ${fl_package_folder})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/fairlead-config.cmake.in
  ${PROJECT_BINARY_DIR}/fairlead-config.cmake INSTALL_DESTINATION ${fl_package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fairlead-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fairlead-config.cmake
  ${PROJECT_BINARY_DIR}/fairlead-config-version.cmake DESTINATION ${fl_package_folder})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET fairlead)
  # Who builds the program can install: also the rooms that it does not link.
  add_dependencies(fairlead ${fl_rooms})
  install(TARGETS fairlead RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
