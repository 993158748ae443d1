// Runs in: the caller, while planning. Reads only.
#include "cgroup/naming.hpp"

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "cgroup/paths.hpp"
#include "cgroup/tree.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {

namespace {

constexpr unsigned kAttempts = 1000;  // LXC's: plain, -1 … -999

enum class Occupancy { kFree, kLeftover, kTaken };

Status check_relative(const std::string& path, std::string_view key) {
  if (!climbs(path)) return {};
  return fail(Error::message(strings::cat(key, " = ", path, " leaves the cgroup that it starts from"))
                  .hint("give a path relative to the hierarchy's root, without '..'"));
}

Status check_pair(const Request& request) {
  if (request.dir_monitor.empty() == request.dir_container.empty()) return {};
  const auto* missing = request.dir_monitor.empty() ? "lxc.cgroup.dir.monitor" : "lxc.cgroup.dir.container";
  return fail(Error::message(strings::cat(missing, " is not set"))
                  .because("lxc.cgroup.dir.monitor and lxc.cgroup.dir.container are used together")
                  .hint("set both, or use lxc.cgroup.dir alone"));
}

Status check_inner(const std::string& inner) {
  if (inner.find('/') == std::string::npos && inner != "." && inner != "..") return {};
  return fail(Error::message(strings::cat("lxc.cgroup.dir.container.inner = ", inner, " is not one plain name"))
                  .hint("give a name without '/'"));
}

std::string expand_pattern(std::string_view pattern, std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern.substr(i, 2) != "%n") {
      out.push_back(pattern[i]);
      continue;
    }
    out.append(name);
    ++i;
  }
  return out;
}

std::string below(std::string_view directory, std::string_view rest) {
  return std::string(strings::trim(join_path(directory, rest), "/"));
}

// Empty groups that the caller is able to remove are as good as none.
Occupancy occupancy_of(const std::string& directory) {
  if (!sys::exists(directory)) return Occupancy::kFree;
  return !populated(directory) && can_empty(directory) ? Occupancy::kLeftover : Occupancy::kTaken;
}

Occupancy occupancy_of(const std::vector<Base>& bases, const Names& names) {
  auto worst = Occupancy::kFree;
  for (const auto& base : bases) {
    worst = std::max(worst, occupancy_of(join_path(base.directory, names.limit)));
    // A monitor group that the user named may be shared with other processes.
    if (!names.fixed) worst = std::max(worst, occupancy_of(join_path(base.directory, names.monitor)));
    if (worst == Occupancy::kTaken) break;
  }
  return worst;
}

Error taken(const std::vector<Base>& bases, const Names& names) {
  const auto holder = std::ranges::find_if(
      bases, [&](const Base& base) { return occupancy_of(join_path(base.directory, names.limit)) == Occupancy::kTaken; });
  const auto path = join_path((holder == bases.end() ? bases.front() : *holder).directory, names.limit);
  return Error::message(strings::cat("the cgroup ", path, " is in use"), EEXIST)
      .because("lxc.cgroup.dir.container is used as it is, and processes run in that group")
      .hint(
          strings::cat("stop them (listed in ", join_path(path, "cgroup.procs"), ") or choose another lxc.cgroup.dir.container"));
}

Error none_free(const std::vector<Base>& bases, const Request& request) {
  const auto path = join_path(bases.front().directory, names_for(request, 0).limit);
  return Error::message("no free cgroup name", EEXIST)
      .because(strings::cat(path, " and the same with -1 to -", kAttempts - 1, " are all taken"))
      .hint(strings::cat("stop the containers of that name, remove empty groups with: rmdir ", path,
                         "-*, or set lxc.cgroup.dir to another parent"));
}

// Parents first. `leaf_exists` saves a look at the last component; below a missing directory all are missing.
void add_missing(Placement& placement, std::size_t base, const std::string& target, bool leaf_exists) {
  bool missing = false;
  for (auto end = base; end < target.size();) {
    end = std::min(target.find('/', end + 1), target.size());
    auto path = target.substr(0, end);
    const bool listed = std::ranges::find(placement.make, path) != placement.make.end();
    missing = missing || listed || (end == target.size() ? !leaf_exists : !sys::exists(path));
    if (missing && !listed) placement.make.push_back(std::move(path));
  }
}

}  // namespace

Status check_directories(const Request& request) {
  TRY(check_relative(request.dir, "lxc.cgroup.dir"));
  TRY(check_relative(request.dir_monitor, "lxc.cgroup.dir.monitor"));
  TRY(check_relative(request.dir_container, "lxc.cgroup.dir.container"));
  TRY(check_relative(request.dir_monitor_pivot, "lxc.cgroup.dir.monitor.pivot"));
  TRY(check_relative(request.pattern, "lxc.cgroup.pattern"));
  TRY(check_inner(request.dir_container_inner));
  return check_pair(request);
}

Names names_for(const Request& request, unsigned attempt) {
  const auto suffix = attempt == 0 ? std::string() : strings::cat('-', attempt);
  Names names;
  if (!request.dir_container.empty()) {
    names = {below("", request.dir_monitor), below("", request.dir_container), "", true, false};
  } else if (request.dir.empty() && !request.pattern.empty()) {
    const auto tree = expand_pattern(request.pattern, request.name);
    names = {below(tree, strings::cat("monitor", suffix)), below(tree, strings::cat("payload", suffix)), "", false, false};
  } else {
    names = {below(request.dir, strings::cat("lxc.monitor.", request.name, suffix)),
             below(request.dir, strings::cat("lxc.payload.", request.name, suffix)), "", false, false};
  }
  names.payload = request.dir_container_inner.empty() ? names.limit : below(names.limit, request.dir_container_inner);
  return names;
}

std::string pivot_for(const Request& request) {
  return below(request.dir_monitor_pivot.empty() ? request.dir : request.dir_monitor_pivot, "lxc.pivot");
}

Result<Names> choose_names(const std::vector<Base>& bases, const Request& request) {
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    auto names = names_for(request, attempt);
    const auto occupancy = occupancy_of(bases, names);
    names.fresh = occupancy == Occupancy::kFree;
    if (occupancy != Occupancy::kTaken) return names;
    if (names.fixed) return fail(taken(bases, names));
  }
  return fail(none_free(bases, request));
}

Placement place(const Base& base, const Names& names) {
  Placement placement{base.hierarchy,
                      join_path(base.directory, names.monitor),
                      join_path(base.directory, names.limit),
                      join_path(base.directory, names.payload),
                      {},
                      {}};
  const bool monitor_exists = (names.fixed || !names.fresh) && sys::exists(placement.monitor);
  if (monitor_exists && !names.fixed) placement.stale.push_back(placement.monitor);
  const bool holds_monitor = is_within(placement.monitor, placement.limit);
  const bool limit_exists = !names.fresh && sys::exists(placement.limit);
  if (limit_exists && !holds_monitor) placement.stale.push_back(placement.limit);
  const auto root = base.directory == "/" ? 0 : base.directory.size();
  add_missing(placement, root, placement.monitor, monitor_exists && names.fixed);
  add_missing(placement, root, placement.limit, limit_exists && holds_monitor);
  if (placement.payload != placement.limit) add_missing(placement, root, placement.payload, sys::exists(placement.payload));
  return placement;
}

}  // namespace berth::cgroup
