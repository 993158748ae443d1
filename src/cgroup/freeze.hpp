// Stopping and resuming all processes of a group, by the v1 freezer or by cgroup.freeze.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::cgroup {

// `file` is Arrangement::freezer_file. Only asks: the kernel may still be stopping tasks when this returns.
Status request_freeze(const std::string& file, bool is_v2, bool frozen);
// All tasks are stopped (v1: FROZEN; FREEZING is not yet).
Result<bool> is_frozen(const std::string& file, bool is_v2);
// cgroup.events of a v2 group: POLLPRI (EPOLLPRI) whenever "frozen" or "populated" changed; read is_frozen() again then. v1 has
// no such notice: an invalid Fd, and the state has to be asked for again.
Result<Fd> open_freeze_events(const std::string& file, bool is_v2);

}  // namespace berth::cgroup
