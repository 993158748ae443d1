// What v1 hierarchies need besides directories. Inside this layer only.
#pragma once

#include <vector>

#include "cgroup/driver.hpp"

namespace berth::cgroup {

// Values that must be there before a process can enter the new groups: cpuset.cpus and cpuset.mems of a new cpuset group are
// empty and refuse every process. `settings` = the writes that the configuration asks for: an inner group starts with its
// limit group's future value, which has to contain it.
std::vector<Write> v1_preparation(const Placement& placement, const std::vector<Write>& settings);
// What a container's root must own to manage its part.
std::vector<std::string> v1_delegated_files();
// The hierarchy's limit group has a freezer.state.
bool has_v1_freezer(const Placement& placement);

}  // namespace berth::cgroup
