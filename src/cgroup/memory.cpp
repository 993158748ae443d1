// Runs in: the caller, while planning. Reads only.
#include "cgroup/memory.hpp"

#include "cgroup/paths.hpp"

namespace berth::cgroup {

std::vector<Write> count_children(const Placement& placement) {
  constexpr std::string_view kFile = "memory.use_hierarchy";
  std::vector<Write> writes;
  for (const auto& directory : placement.make) {
    if (first_line(join_path(parent_path(directory), kFile)) != "0") continue;
    writes.push_back({join_path(directory, kFile), "1", {}, false, true});
  }
  return writes;
}

}  // namespace berth::cgroup
