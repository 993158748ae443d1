// What the unified hierarchy needs besides directories. Inside this layer only.
#pragma once

#include <string>
#include <vector>

#include "cgroup/driver.hpp"
#include "cgroup/naming.hpp"

namespace berth::cgroup {

// "cpu memory pids": what cgroup.subtree_control of the base may hand down.
std::string available_controllers(const Base& base);

// Writes to cgroup.subtree_control from the base down to the parent of the payload. `needed` by settings; `others` are for the
// guest's own use and may fail. One write a controller, since the kernel takes all of a line or nothing.
std::vector<Write> enable_controllers(const Base& base, const Placement& placement, const std::vector<std::string>& needed,
                                      const std::vector<std::string>& others);

// Files that the kernel wants to be given to the owner of a delegated group, from `list` (/sys/kernel/cgroup/delegate) and
// those that every kernel has.
std::vector<std::string> v2_delegated_files(const std::string& list);

}  // namespace berth::cgroup
