// Who descends from a process.
#pragma once

#include <sys/types.h>

#include <vector>

namespace berth::os {

// Its children, theirs, and so on, as /proc shows them now; without those that have ended and wait to be reaped.
std::vector<pid_t> descendants(pid_t pid);

}  // namespace berth::os
