// Runs in: the monitor.
#include "monitor/groups.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace berth::monitor {

using runtime::CgroupLayout;

namespace {

bool answers_to(const Group& group, std::string_view wanted) {
  for (const std::string_view one : strings::split(group.controller, ',')) {
    if (one == wanted || (one.starts_with("name=") && one.substr(5) == wanted)) return true;
  }
  return false;
}

}  // namespace

std::vector<Group> groups_of(const child::BlobView& blob) {
  const child::StringList paths = blob.list(blob.settings().cgroup_paths);
  std::vector<Group> groups;
  for (std::uint32_t i = 0; i + 3 < paths.size(); i += 4) groups.push_back({paths[i], paths[i + 1], paths[i + 2], paths[i + 3]});
  return groups;
}

CgroupLayout layout_of(const std::vector<Group>& groups) {
  const auto unified = [](const Group& group) { return group.controller.empty(); };
  if (std::all_of(groups.begin(), groups.end(), unified)) return CgroupLayout::kUnified;
  return std::any_of(groups.begin(), groups.end(), unified) ? CgroupLayout::kHybrid : CgroupLayout::kLegacy;
}

const Group* find_group(const std::vector<Group>& groups, std::string_view controller) {
  for (const Group& group : groups) {
    if (answers_to(group, controller)) return &group;
  }
  return layout_of(groups) == CgroupLayout::kUnified && !groups.empty() ? &groups.front() : nullptr;
}

}  // namespace berth::monitor
