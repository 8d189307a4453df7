# Compiler settings shared by every target: language level, warnings, sanitizers.
include_guard(GLOBAL)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# A room finds its outside libraries itself; the programs that link the room must see them too.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
find_package(Threads REQUIRED)

add_library(fl_flags INTERFACE)
target_compile_options(fl_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow
  -Woverloaded-virtual -Wconversion -Wsign-conversion)
if(FL_WERROR)
  target_compile_options(fl_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Thread annotations are checked by clang only; `Core` and `Mutex` are capabilities.
  target_compile_options(fl_flags INTERFACE -Wthread-safety -Wnon-virtual-dtor)
else()
  # Symmetric transfer between coroutines is a tail call only with this.
  add_compile_options(-foptimize-sibling-calls)
  # g++ 12 reports these falsely on coroutines and on std::string under optimisation.
  target_compile_options(fl_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict
    -Wno-stringop-overflow -Wno-array-bounds -Wno-dangling-pointer -Wno-missing-field-initializers)
endif()
if(FL_SANITIZE)
  add_compile_options(-fsanitize=${FL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FL_SANITIZE})
endif()
if(FL_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(-fuse-ld=lld)
endif()

# Fails when a program is called as a target of somebody else: ninja builds either for the name, so
# `./dev build debug NAME` would build the wrong one.
function(fl_check_program_names folder)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(name ${target} OUTPUT_NAME)
    if(name AND NOT name STREQUAL target AND TARGET ${name})
      message(FATAL_ERROR "The program of target '${target}' is called '${name}', as another target "
        "is. Rename one of the targets.")
    endif()
  endforeach()
  get_property(below DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(one IN LISTS below)
    fl_check_program_names(${one})
  endforeach()
endfunction()
