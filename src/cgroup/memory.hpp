// memory on v1. Inside this layer only.
#pragma once

#include <vector>

#include "cgroup/driver.hpp"

namespace berth::cgroup {

// Groups of kernels before 5.11 count their children only when memory.use_hierarchy says so.
std::vector<Write> count_children(const Placement& placement);

}  // namespace berth::cgroup
