// Freezing from outside the monitor: LXC's monitors leave the freezer of cgroup v1 to their clients.
#pragma once

#include "base/result.hpp"
#include "runtime/command_client.hpp"

namespace berth::runtime {

// Writes freezer.state of the container's group, waits until the kernel shows it, and tells the monitor of each state on the way.
// Error: the host has no v1 freezer, the container no group in it, or the file refuses.
Status freeze_by_file(const CommandClient& client);
Status unfreeze_by_file(const CommandClient& client);

}  // namespace berth::runtime
