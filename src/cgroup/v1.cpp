// Runs in: the caller, while planning. Reads only.
#include "cgroup/v1.hpp"

#include "cgroup/cpuset.hpp"
#include "cgroup/memory.hpp"
#include "cgroup/paths.hpp"

namespace berth::cgroup {

std::vector<Write> v1_preparation(const Placement& placement, const std::vector<Write>& settings) {
  const auto& controllers = placement.hierarchy.controllers;
  std::vector<Write> writes;
  if (has_controller(controllers, "cpuset")) writes = inherit_cpuset(placement, settings);
  if (has_controller(controllers, "memory")) {
    auto more = count_children(placement);
    writes.insert(writes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return writes;
}

std::vector<std::string> v1_delegated_files() { return {"cgroup.procs", "tasks"}; }

bool has_v1_freezer(const Placement& placement) { return has_controller(placement.hierarchy.controllers, "freezer"); }

}  // namespace berth::cgroup
