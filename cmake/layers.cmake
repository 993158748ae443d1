# berth_layer(NAME [USES layer...]): one static library from src/NAME/*.cpp.
#
# Headers are included as "NAME/header.hpp". Each layer's include root is a directory that holds one link, NAME -> src/NAME,
# so a header of a layer that is not in USES is not on the include path at all: a forbidden include does not compile.
function(berth_layer name)
  cmake_parse_arguments(ARG "" "" "USES" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${name} ${root}/${name} SYMBOLIC)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX ".*_main\\.cpp$")
  if(sources)
    add_library(berth_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(berth_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(berth_${name} ${scope} ${root})
  foreach(used ${ARG_USES})
    target_link_libraries(berth_${name} ${scope} berth_${used})
  endforeach()
  if(name STREQUAL "child")
    # Runs between clone and exec: no unwinding, no run-time types, no hidden guards (tools/check-child-symbols proves it).
    target_compile_options(berth_child PRIVATE -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-stack-protector
                                               -fno-sanitize=all)
  endif()
endfunction()

# The multicall program and a link for each command that it answers to.
function(berth_commands)
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/src/cli/berth_main.cpp)
    return()
  endif()
  add_executable(berth src/cli/berth_main.cpp)
  target_link_libraries(berth PRIVATE berth_cli)
  if(NOT BERTH_SANITIZE AND NOT BERTH_COVERAGE)
    # Fully static, still position-independent: docs/adr/0005-static-commands.md
    target_compile_options(berth PRIVATE -fPIE)
    target_link_options(berth PRIVATE -static-pie -Wl,-z,pack-relative-relocs -Wl,-z,now)
  endif()
  file(STRINGS ${CMAKE_SOURCE_DIR}/src/cli/commands.list commands REGEX "^[a-z]")
  foreach(command ${commands})
    set(link ${CMAKE_BINARY_DIR}/bin/lxc-${command})
    add_custom_command(TARGET berth POST_BUILD COMMAND ${CMAKE_COMMAND} -E create_symlink berth ${link})
  endforeach()
endfunction()
