// berth's own programs: where they are, and a safe descriptor to execute them from.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::runtime {

// For a library in somebody else's program: its parts are looked for beside this directory, not beside the program's. Absolute.
// Call it before there is a second thread.
void look_beside(std::string directory);

// Where the library is that this code came with, or the program; empty without /proc.
std::string own_directory();

// Path of "berth-monitor" and the like: ../libexec beside the running program's directory (build tree), else the installed place.
Result<std::string> find_helper(std::string_view name);
// The same for a command, "berth": ../bin beside the running program's directory, else the installed place. The running program
// need not be berth itself: it may be one that embeds the library.
Result<std::string> find_command(std::string_view name);
// For execveat: not the host's writable file, see sys::open_program_safely.
Result<Fd> open_helper(std::string_view name);

}  // namespace berth::runtime
