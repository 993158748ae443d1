# Flags every target shares. One place, so that a reader sees what the code is compiled with.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON) # TRY is a GNU statement expression
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

# For size: a start touches most of its program once, so fewer pages are both less memory and less time (peak of one start 2.27 -> 1.73 MB).
set(CMAKE_CXX_FLAGS_RELEASE "-Os -DNDEBUG")
# Without any optimisation GCC calls functions of the C++ library that the helpers don't have (docs/adr/0006).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1")
else()
  set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")

add_compile_options(-Wall -Wextra -Wconversion -Werror -ffunction-sections -fdata-sections)
add_compile_definitions(_GNU_SOURCE FMT_HEADER_ONLY=1 FMT_STATIC_THOUSANDS_SEPARATOR=',')
# Debug builds stop at a step that BERTH_STOP_AT names, so that a test can kill a process exactly there.
add_compile_definitions($<$<CONFIG:Debug>:BERTH_FAULT_POINTS>)
add_link_options(-Wl,--gc-sections)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives inside libstdc++'s own headers for these two at -O2 (GCC bugs 105329, 105651).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized)
  # The same for the destructor of std::expected, whose unused half GCC 12 believes to be destroyed too; Clang checks both.
  add_compile_options(-Wno-array-bounds -Wno-free-nonheap-object)
endif()

if(NOT BERTH_SANITIZE AND NOT BERTH_COVERAGE)
  # Nothing asks for a type at run time, and the monitor has no library that could answer. Sanitizers need it (vptr).
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
endif()
if(BERTH_SANITIZE)
  add_compile_options(-fsanitize=${BERTH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BERTH_SANITIZE})
  if(BERTH_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
endif()
if(BERTH_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

set(BERTH_GIT_REVISION "" CACHE STRING "revision printed by --version -v; empty in development builds")

# Where an installed berth finds its parts; a build tree finds them beside bin/ first.
include(GNUInstallDirs)
set(BERTH_ROOTFS_MOUNT "${CMAKE_INSTALL_FULL_LIBDIR}/lxc/rootfs" CACHE STRING "default of lxc.rootfs.mount")
set(BERTH_LIBEXECDIR "${CMAKE_INSTALL_FULL_LIBEXECDIR}/berth" CACHE STRING "directory of the helper programs")
add_compile_definitions(BERTH_ROOTFS_MOUNT="${BERTH_ROOTFS_MOUNT}" BERTH_LIBEXECDIR="${BERTH_LIBEXECDIR}")
# For one file alone, so that another prefix does not compile everything anew.
set_source_files_properties(src/runtime/programs.cpp PROPERTIES COMPILE_DEFINITIONS "BERTH_BINDIR=\"${CMAKE_INSTALL_FULL_BINDIR}\"")
set_source_files_properties(src/runtime/template.cpp PROPERTIES COMPILE_DEFINITIONS "BERTH_DATADIR=\"${CMAKE_INSTALL_FULL_DATADIR}\"")
