// Questions about groups that exist. Inside this layer only; populated() and remove_tree() are in driver.hpp.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::cgroup {

// Names of the groups directly below; none when the directory can't be read.
std::vector<std::string> child_groups(const std::string& directory);
// The caller may remove all that is below `directory`. A guest may have made groups there as an owner of its own.
bool can_empty(const std::string& directory);

}  // namespace berth::cgroup
