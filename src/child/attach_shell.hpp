// Finding and executing what an attach runs: a command, or the shell of a user of the container.
#pragma once

#include "child/frame.hpp"

namespace berth::child {

inline constexpr std::size_t kShellMax = 256;

// Looks for the line of `uid` in text of passwd(5) form that is read from `fd`. False: none, or its shell is empty or too long.
bool find_shell(int fd, std::uint64_t uid, Text<kShellMax>& shell);

// Op::kExecCommand. Returns only on failure.
int step_exec_command(Frame& frame);

}  // namespace berth::child
