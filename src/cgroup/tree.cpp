// Runs in: the caller (planning, destroy) and the monitor (end of a container).
#include "cgroup/tree.hpp"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/paths.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {

namespace {

constexpr int kRemoveRounds = 3;

bool is_absent(const Error& error) { return error.code() == ENOENT || error.code() == ENODEV; }

bool is_directory(const std::string& parent, const sys::DirectoryEntry& entry) {
  if (entry.type != DT_UNKNOWN) return entry.type == DT_DIR;
  const auto status = sys::stat_link(join_path(parent, entry.name));
  return status && S_ISDIR(status->st_mode);
}

// "populated 1" of cgroup.events counts the whole subtree; only v2 has it.
std::optional<bool> populated_by_events(const std::string& directory) {
  const auto text = sys::read_file(join_path(directory, "cgroup.events"));
  if (!text) return std::nullopt;
  for (const auto line : strings::split_words(*text, "\n")) {
    if (line.starts_with("populated ")) return line != "populated 0";
  }
  return std::nullopt;
}

Error busy(Error error, const std::string& directory) {
  if (error.code() != EBUSY) return error;
  const auto first = first_line(join_path(directory, "cgroup.procs"));
  if (first.empty()) return error;
  return std::move(error)
      .because(strings::cat("process ", first, " is still in it"))
      .hint(strings::cat("stop that process: kill -KILL ", first));
}

Status remove_once(const std::string& directory) {
  auto removed = sys::remove_directory(directory);
  if (removed || is_absent(removed.error())) return {};
  if (removed.error().code() != EBUSY && removed.error().code() != ENOTEMPTY) return removed;
  for (const auto& name : child_groups(directory)) TRY(remove_tree(join_path(directory, name)));
  removed = sys::remove_directory(directory);
  if (!removed && is_absent(removed.error())) return {};
  return removed;
}

}  // namespace

std::vector<std::string> child_groups(const std::string& directory) {
  std::vector<std::string> names;
  const auto entries = sys::list_directory(directory);
  if (!entries) return names;
  for (const auto& entry : *entries) {
    if (is_directory(directory, entry)) names.push_back(entry.name);
  }
  return names;
}

bool can_empty(const std::string& directory) {
  const auto children = child_groups(directory);
  if (!children.empty() && write_refusal(directory) != 0) return false;
  return std::ranges::all_of(children, [&](const std::string& name) { return can_empty(join_path(directory, name)); });
}

bool populated(const std::string& directory) {
  if (const auto known = populated_by_events(directory)) return *known;
  const auto processes = sys::read_file(join_path(directory, "cgroup.procs"));
  // What can't be read may be alive: better another name than somebody's group removed.
  if (!processes && !is_absent(processes.error())) return true;
  if (processes && !strings::trim(*processes).empty()) return true;
  return std::ranges::any_of(child_groups(directory),
                             [&](const std::string& name) { return populated(join_path(directory, name)); });
}

Status remove_tree(const std::string& directory) {
  // A group made between the listing and the removal makes it busy again.
  Status removed;
  for (int round = 0; round < kRemoveRounds; ++round) {
    removed = remove_once(directory);
    if (removed) return removed;
    if (removed.error().code() != EBUSY || populated(directory)) break;
  }
  return fail(busy(std::move(removed.error()), directory));
}

}  // namespace berth::cgroup
