// Runs in: the caller, while planning. Reads only.
#include "cgroup/cpuset.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "cgroup/paths.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {

namespace {

constexpr std::array<std::string_view, 2> kFiles = {"cpuset.cpus", "cpuset.mems"};

// Existing groups between the root and the first new directory that hold nothing yet (somebody's empty parent) are filled too:
// a child can't have more than its parent. Returns the value that a new child of `directory` gets; empty when there is none.
std::string fill(const std::string& directory, const std::string& root, std::string_view file, std::vector<Write>& writes) {
  const auto path = join_path(directory, file);
  auto value = std::string(strings::trim(first_line(path)));
  if (!value.empty() || directory == root || directory.size() <= root.size() || !sys::exists(path)) return value;
  value = fill(std::string(parent_path(directory)), root, file, writes);
  if (!value.empty()) writes.push_back({path, value, {}});
  return value;
}

const std::string* last_write(const std::vector<Write>& settings, const std::string& path) {
  const std::string* found = nullptr;
  for (const auto& write : settings) {
    if (write.path == path) found = &write.value;
  }
  return found;
}

void inherit(const Placement& placement, const std::vector<Write>& settings, std::string_view file, std::vector<Write>& writes) {
  const auto existing = std::ranges::find_if(placement.make, [&](const std::string& path) {
    return std::ranges::find(placement.make, parent_path(path)) == placement.make.end();
  });
  if (existing == placement.make.end()) return;
  const auto value = fill(std::string(parent_path(*existing)), placement.hierarchy.mount_point, file, writes);
  if (value.empty()) return;  // a cpuset hierarchy mounted with `noprefix`, or no value anywhere: nothing to hand down
  for (const auto& directory : placement.make) {
    const bool inner = directory != placement.limit && is_within(directory, placement.limit);
    const auto* restricted = inner ? last_write(settings, join_path(placement.limit, file)) : nullptr;
    writes.push_back({join_path(directory, file), restricted != nullptr ? *restricted : value, {}});
  }
}

}  // namespace

std::vector<Write> inherit_cpuset(const Placement& placement, const std::vector<Write>& settings) {
  std::vector<Write> writes;
  for (const auto file : kFiles) inherit(placement, settings, file, writes);
  return writes;
}

}  // namespace berth::cgroup
