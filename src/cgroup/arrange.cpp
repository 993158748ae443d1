// Runs in: the caller, while planning. Reads only.
#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/naming.hpp"
#include "cgroup/paths.hpp"
#include "cgroup/settings.hpp"
#include "cgroup/v1.hpp"
#include "cgroup/v2.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {

namespace {

struct Refusal {
  std::string path;
  int code = 0;
};

struct Bases {
  std::vector<Base> usable;
  std::vector<Hierarchy> skipped;
  std::vector<Refusal> refusals;  // one for each of `skipped`
};

template <typename T>
void append(std::vector<T>& to, std::vector<T> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// systemd keeps itself in /init.scope: containers go beside it, never into it.
std::string without_init_scope(std::string path) {
  constexpr std::string_view kScope = "/init.scope";
  if (path.ends_with(kScope)) path.resize(path.size() - kScope.size());
  return path;
}

// Root leaves its own group unless told to stay; inside a container without a cgroup namespace the root is somebody else's.
std::string base_directory(const Hierarchy& hierarchy, const Host& host, const Request& request) {
  const auto own = join_path(hierarchy.mount_point, without_init_scope(hierarchy.own_path));
  if (!host.privileged || request.relative || own == hierarchy.mount_point) return own;
  return write_refusal(hierarchy.mount_point) == 0 || write_refusal(own) != 0 ? hierarchy.mount_point : own;
}

// Both groups' parents must be writable; they may lie apart (lxc.cgroup.dir.monitor, .container).
Refusal refusal_of(const Base& base, const Names& names) {
  std::string last;
  for (const auto& name : {names.monitor, names.payload}) {
    auto parent = std::string(parent_path(join_path(base.directory, name)));
    if (parent == last) continue;
    if (const int code = write_refusal(parent); code != 0) return {std::move(parent), code};
    last = std::move(parent);
  }
  return {};
}

Bases find_bases(const Host& host, const Request& request) {
  const auto names = names_for(request, 0);
  Bases bases;
  for (const auto& hierarchy : host.hierarchies) {
    Base base{hierarchy, base_directory(hierarchy, host, request)};
    auto refusal = refusal_of(base, names);
    if (refusal.code == 0) {
      bases.usable.push_back(std::move(base));
    } else {
      bases.skipped.push_back(hierarchy);
      bases.refusals.push_back(std::move(refusal));
    }
  }
  return bases;
}

Error not_writable(const Host& host, const Bases& bases, const Request& request) {
  const auto& refusal = bases.refusals.back();
  auto error = Error::from_errno(refusal.code, "access", refusal.path).context("making the container's cgroups");
  if (host.privileged) {
    return std::move(error)
        .because("no cgroup hierarchy is writable here")
        .hint("mount the cgroup file system writable: mount -o remount,rw " + bases.skipped.back().mount_point);
  }
  if (!bases.skipped.back().unified()) {
    return std::move(error)
        .because("this user has no cgroup of its own in any hierarchy")
        .hint(strings::cat("as root, give the user a group in each hierarchy: mkdir ", join_path(refusal.path, "USER"),
                           ", chown it and its cgroup.procs and tasks, and move the shell into it"));
  }
  return std::move(error)
      .because("this cgroup is not delegated to the user")
      .hint(strings::cat("run it in a delegated scope: systemd-run --user --scope -p Delegate=yes -- lxc-start -n ",
                         strings::shell_quote(request.name),
                         " (without systemd, root makes a group, gives it and its cgroup.procs, cgroup.threads and "
                         "cgroup.subtree_control to the user, and moves the shell into it)"));
}

Status check_bases(const Host& host, const Bases& bases, const Request& request) {
  if (bases.usable.empty()) return fail(not_writable(host, bases, request));
  return {};
}

const Base* unified_base(const std::vector<Base>& bases) {
  return !bases.empty() && bases.back().hierarchy.unified() ? &bases.back() : nullptr;
}

// On a pure v2 host the guest gets all controllers, as its own manager expects; beside v1 the unified tree carries only what
// a setting asks for.
std::vector<std::string> controllers_for_guest(const Host& host, const std::string& available,
                                               const std::vector<std::string>& needed) {
  std::vector<std::string> others;
  if (host.layout != Layout::kV2) return others;
  for (const auto word : strings::split_words(available)) {
    if (std::ranges::find(needed, word) == needed.end()) others.emplace_back(word);
  }
  return others;
}

void set_freezer(Arrangement& arrangement) {
  for (const auto& placement : arrangement.placements) {
    if (has_v1_freezer(placement)) {
      arrangement.freezer_file = join_path(placement.limit, "freezer.state");
      arrangement.freezer_is_v2 = false;
      return;
    }
    if (placement.hierarchy.unified()) {
      arrangement.freezer_file = join_path(placement.limit, "cgroup.freeze");
      arrangement.freezer_is_v2 = true;
    }
  }
}

void delegate(Arrangement& arrangement, const Host& host, const Request& request) {
  for (const auto& placement : arrangement.placements) {
    const auto own = [&](std::string path) {
      arrangement.chowns.push_back({std::move(path), request.owner_uid, request.owner_gid});
    };
    own(placement.payload);
    const auto files = placement.hierarchy.unified() ? v2_delegated_files(host.delegate_list) : v1_delegated_files();
    for (const auto& file : files) own(join_path(placement.payload, file));
  }
}

Status add_writes(Arrangement& arrangement, const Host& host, const Bases& bases, const Request& request) {
  const auto* unified = unified_base(bases.usable);
  const Ground ground{host, arrangement.placements, bases.skipped, unified != nullptr ? available_controllers(*unified) : ""};
  auto routed = TRY(route_settings(ground, request));
  if (unified != nullptr) {
    const auto others = controllers_for_guest(host, ground.available, routed.controllers);
    append(arrangement.writes, enable_controllers(*unified, arrangement.placements.back(), routed.controllers, others));
  }
  for (const auto& placement : arrangement.placements) {
    if (!placement.hierarchy.unified()) append(arrangement.writes, v1_preparation(placement, routed.writes));
  }
  append(arrangement.writes, std::move(routed.writes));
  append(arrangement.warnings, std::move(routed.warnings));
  arrangement.devices = std::move(routed.devices);
  return {};
}

Arrangement without_cgroups(const Request& request) {
  Arrangement empty;
  if (!request.v1.empty() || !request.v2.empty())
    empty.warnings.emplace_back("no cgroup hierarchy is mounted: lxc.cgroup.* limits are not applied");
  return empty;
}

// Only the root of the whole hierarchy has no cgroup.events, and only there processes may be beside controllers in use.
bool is_real_root(const std::string& directory) { return !sys::exists(join_path(directory, "cgroup.events")); }

// Where the monitor's last process waits for the monitor's end. The real root serves and leaves no directory behind.
std::string pivot_of(const Base* unified, const Request& request) {
  if (unified == nullptr) return {};
  if (request.dir_monitor_pivot.empty() && is_real_root(unified->hierarchy.mount_point)) return {};
  return join_path(unified->directory, pivot_for(request));
}

}  // namespace

Result<Arrangement> arrange(const Host& host, const Request& request) {
  TRY(check_directories(request));
  if (host.hierarchies.empty()) return without_cgroups(request);
  const auto bases = find_bases(host, request);
  TRY(check_bases(host, bases, request));
  const auto names = TRY_CONTEXT(choose_names(bases.usable, request), "choosing the container's cgroups");
  Arrangement arrangement;
  for (const auto& base : bases.usable) arrangement.placements.push_back(place(base, names));
  arrangement.pivot = pivot_of(unified_base(bases.usable), request);
  TRY(add_writes(arrangement, host, bases, request));
  if (request.namespaced_user) delegate(arrangement, host, request);
  set_freezer(arrangement);
  return arrangement;
}

}  // namespace berth::cgroup
