// cpuset on v1. Inside this layer only.
#pragma once

#include <vector>

#include "cgroup/driver.hpp"

namespace berth::cgroup {

// Gives each directory of placement.make its parent's processors and memory nodes, parents first.
std::vector<Write> inherit_cpuset(const Placement& placement, const std::vector<Write>& settings);

}  // namespace berth::cgroup
