// Runs in: the caller, while planning. Reads only.
#include "cgroup/memory.hpp"

#include "cgroup/paths.hpp"

namespace berth::cgroup {

std::vector<Write> count_children(const Placement& placement) {
  constexpr std::string_view kFile = "memory.use_hierarchy";
  std::vector<Write> writes;
  std::string asked;  // most lie side by side
  bool counts = true;
  for (const auto& directory : placement.make) {
    if (std::string parent(parent_path(directory)); parent != asked) {
      counts = first_line(join_path(parent, kFile)) != "0";
      asked = std::move(parent);
    }
    if (counts) continue;
    writes.push_back({join_path(directory, kFile), "1", {}, false, true});
  }
  return writes;
}

}  // namespace berth::cgroup
