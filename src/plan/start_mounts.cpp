// Runs in: the starting command.
#include <array>

#include "base/strings.hpp"
#include "child/mount_flags.hpp"
#include "config/mount_entry.hpp"
#include "plan/builder.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"

namespace berth::plan {
namespace {

using child::kMsBind, child::kMsNoDev, child::kMsNoExec, child::kMsNoSuid, child::kMsReadOnly, child::kMsRec, child::kMsRelAtime;
using config::AutoMode;

constexpr unsigned kCapSysAdmin = 21;
constexpr unsigned kCapNetAdmin = 12;

std::uint32_t path_flags() {
  std::uint32_t flags = 0;
  if (!sys::has(sys::Feature::kNewMountApi) || !sys::has(sys::Feature::kMountSetattr)) flags |= child::kStepClassicMount;
  if (!sys::has(sys::Feature::kOpenat2)) flags |= child::kStepNoOpenat2;
  return flags;
}

struct FilesystemMount {
  std::string_view type, source, target, data;
  unsigned long flags;
};

PlannedStep& add_filesystem(Builder& builder, const FilesystemMount& mount, std::string_view key) {
  PlannedStep& step = builder.inside(child::Op::kMountFilesystem, strings::cat("mounting ", mount.type, " on /", mount.target));
  step.text[0] = mount.type;
  step.text[1] = mount.source;
  step.text[2] = mount.target;
  step.text[3] = mount.data;
  step.num[0] = static_cast<std::int64_t>(mount.flags);
  step.num[1] = child::kTargetCreateDirectory;
  step.flags = path_flags();
  step.origin = builder.origin(key);
  return step;
}

// Mounts a part of the container's own tree over itself with other flags.
PlannedStep& add_self_bind(Builder& builder, std::string_view path, unsigned long set, unsigned long clear, bool optional) {
  PlannedStep& step = builder.inside(
      child::Op::kBind, strings::cat(set != 0 ? "making /" : "keeping /", path, set != 0 ? " read-only" : " writable"));
  step.text[0] = path;
  step.text[1] = path;
  step.num[0] = static_cast<std::int64_t>(set);
  step.num[1] = child::kTargetSourceInRoot | (optional ? child::kTargetOptional : child::kTargetExisting);
  step.num[3] = static_cast<std::int64_t>(clear);
  step.flags = path_flags();
  step.origin = builder.origin("lxc.mount.auto");
  return step;
}

void plan_proc(Builder& builder) {
  const AutoMode mode = builder.conf().mounts.automatic.proc;
  if (mode == AutoMode::kNone) return;
  add_filesystem(builder, {"proc", "proc", "proc", "", kMsNoDev | kMsNoExec | kMsNoSuid}, "lxc.mount.auto");
  if (mode == AutoMode::kReadWrite) return;
  add_self_bind(builder, "proc/sys", kMsReadOnly, 0, false);
  if ((builder.kept_capabilities >> kCapNetAdmin & 1) != 0) add_self_bind(builder, "proc/sys/net", 0, kMsReadOnly, true);
  add_self_bind(builder, "proc/sysrq-trigger", kMsReadOnly, 0, true);
}

void plan_sys(Builder& builder) {
  const AutoMode mode = builder.conf().mounts.automatic.sys;
  if (mode == AutoMode::kNone) return;
  const unsigned long read_only = mode == AutoMode::kReadOnly ? kMsReadOnly : 0;
  add_filesystem(builder, {"sysfs", "sysfs", "sys", "", kMsNoDev | kMsNoExec | kMsNoSuid | read_only}, "lxc.mount.auto");
  if (mode != AutoMode::kMixed) return;
  // The network part stays writable: its files act on the container's own network namespace.
  add_self_bind(builder, "sys", kMsReadOnly, 0, false);
  add_self_bind(builder, "sys/devices/virtual/net", 0, kMsReadOnly, true);
}

// Empty when the directory can't be opened: the start tells it elsewhere.
std::string path_without_links(const std::string& directory) {
  const auto opened = sys::open(directory, O_PATH | O_DIRECTORY);
  if (!opened) return {};
  return sys::read_link(strings::cat("/proc/self/fd/", opened->get())).value_or("");
}

std::string strip_prefix(const std::string& target, const std::string& root) {
  return !root.empty() && target.starts_with(root + "/") ? target.substr(root.size() + 1) : std::string();
}

std::string strip_root(const Builder& builder, const std::string& target) {
  for (const std::string* root : {&builder.root_mount, &builder.conf().rootfs.path}) {
    if (std::string relative = strip_prefix(target, *root); !relative.empty()) return relative;
  }
  // What templates write, for kinds that they saw mounted there.
  const std::string usual = strings::cat(builder.inputs.lxcpath, '/', builder.inputs.name, "/rootfs");
  if (mounts_root(builder)) return strip_prefix(target, usual);
  return strip_prefix(target, path_without_links(builder.root_source));
}

// Targets are relative to the root; an absolute one must lie below the root's own path, with or without the symbolic links
// that lead there, or below its mount point.
Result<std::string> relative_target(const Builder& builder, const std::string& target) {
  if (!target.starts_with('/')) return target;
  if (!builder.has_root) return std::string(strings::trim_left(target, "/"));
  std::string relative = strip_root(builder, target);
  if (!relative.empty()) return relative;
  return fail(Error::message(strings::cat("the mount target ", target, " is outside of the container's root"))
                  .hint(strings::cat("write it relative to the root: ", strings::trim_left(target, "/"))));
}

std::int64_t target_options(const config::MountEntry& entry) {
  std::int64_t options = child::kTargetExisting;
  if (entry.create == config::CreateTarget::kDirectory) options |= child::kTargetCreateDirectory;
  if (entry.create == config::CreateTarget::kFile) options |= child::kTargetCreateFile;
  if (entry.optional) options |= child::kTargetOptional;
  if (entry.relative) options |= child::kTargetSourceInRoot;
  return options;
}

Status check_idmap(const Builder& builder, const config::MountEntry& entry, const Origin& origin) {
  const std::string& idmap = entry.options.idmap;
  if (idmap.empty()) return {};
  const auto refuse = [&origin](std::string_view what, std::string_view hint) {
    return fail(Error::message(what).set_by(origin).hint(hint));
  };
  if ((entry.options.flags & kMsBind) == 0)
    return refuse("idmap= goes with bind mounts only", "add bind, or remove the idmap option");
  if (idmap == "container" && !builder.user_namespace) {
    return refuse("idmap=container needs a container with an id map", "add lxc.idmap lines, or remove idmap=container");
  }
  if ((path_flags() & child::kStepClassicMount) != 0)
    return refuse("this kernel has no idmapped mounts", "remove the idmap option");
  return {};
}

void fill_bind(Builder& builder, PlannedStep& step, const config::MountEntry& entry, const Origin& origin) {
  step.op = child::Op::kBind;
  step.text[0] = entry.source;
  step.num[0] = static_cast<std::int64_t>(entry.options.flags & ~kMsBind);
  step.num[2] = static_cast<std::int64_t>(entry.options.propagation);
  step.num[3] = static_cast<std::int64_t>(entry.options.cleared);
  if (entry.options.idmap.empty()) return;
  step.num[1] |= child::kTargetReceived;
  PlannedStep& send = builder.meanwhile(child::Op::kSendIdmappedTree, strings::cat("mapping the owners of ", entry.source));
  send.text[0] = entry.source;
  send.text[1] = entry.options.idmap == "container" ? "" : entry.options.idmap;
  send.num[1] = (entry.options.flags & kMsRec) != 0 ? 1 : 0;
  send.origin = origin;
}

Status plan_entry_line(Builder& builder, const config::MountEntry& entry, const Origin& origin) {
  auto target = relative_target(builder, entry.target);
  if (!target) return fail(std::move(target.error()).set_by(origin));
  TRY(check_idmap(builder, entry, origin));
  // The monitor sends an idmapped tree or fails: one that may be missing is left out here.
  if (!entry.options.idmap.empty() && entry.optional && !sys::exists(entry.source)) return {};
  const bool bind = (entry.options.flags & kMsBind) != 0;
  PlannedStep& step = builder.inside(child::Op::kMountFilesystem, strings::cat("mounting ", entry.source, " on /", *target));
  step.num[1] = target_options(entry);
  step.flags = path_flags();
  step.origin = origin;
  if (bind) {
    step.text[1] = *target;
    fill_bind(builder, step, entry, origin);
    return {};
  }
  step.text[0] = entry.type;
  step.text[1] = entry.source;
  step.text[2] = *target;
  step.text[3] = entry.options.data;
  step.num[0] = static_cast<std::int64_t>(entry.options.flags);
  step.num[2] = static_cast<std::int64_t>(entry.options.propagation);
  return {};
}

Status plan_fstab(Builder& builder) {
  const std::string& path = builder.conf().mounts.fstab;
  if (path.empty()) return {};
  auto text = sys::read_file(path);
  if (!text) return fail(std::move(text.error()).context("reading the fstab").set_by(builder.origin("lxc.mount.fstab")));
  for (const config::MountEntry& entry : TRY(config::parse_fstab(*text, path))) {
    TRY(plan_entry_line(builder, entry, Origin{path, entry.line, {}}));
  }
  return {};
}

bool pure_v2(const Builder& builder) {
  const auto& placements = builder.cgroups.placements;
  return placements.size() == 1 && placements.front().hierarchy.unified();
}

// On a pure v2 host every request becomes the one cgroup2 mount. Elsewhere a container that has a cgroup namespace and may
// mount sets its own up, and what is mounted before would only confuse its init: then the request counts only with `force`.
bool wants_cgroup_mounts(const Builder& builder) {
  const config::AutoMounts& automatic = builder.conf().mounts.automatic;
  if (automatic.cgroup == AutoMode::kNone && !automatic.cgroup2) return false;
  const bool mounts_itself = builder.cgroup_namespace && (builder.kept_capabilities >> kCapSysAdmin & 1) != 0;
  return automatic.cgroup_force || automatic.cgroup2 || !mounts_itself || pure_v2(builder);
}

std::string last_component(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// A bare `cgroup` leaves the mode to the capabilities: who may mount may also write.
AutoMode cgroup_mode(const Builder& builder) {
  const config::AutoMounts& automatic = builder.conf().mounts.automatic;
  if (automatic.cgroup2_read_only) return AutoMode::kReadOnly;
  const bool may_mount = (builder.kept_capabilities >> kCapSysAdmin & 1) != 0;
  return automatic.cgroup_default && may_mount ? AutoMode::kReadWrite : automatic.cgroup;
}

void add_cgroup_bind(Builder& builder, const std::string& source, const std::string& target, bool read_only) {
  PlannedStep& step = builder.inside(child::Op::kBind, strings::cat("mounting the container's cgroup on /", target));
  step.text[0] = source;
  step.text[1] = target;
  step.num[0] = static_cast<std::int64_t>(read_only ? kMsReadOnly : 0);
  step.num[1] = child::kTargetCreateDirectory;
  step.flags = path_flags();
  step.origin = builder.origin("lxc.mount.auto");
}

// Without a cgroup namespace a fresh mount would show the host's tree: the container's own part is bound instead. With
// cgroup-full the whole hierarchy is, read-only, and in the mode `mixed` the container's own part of it writable again.
void bind_hierarchy(Builder& builder, const cgroup::Placement& placement, const std::string& target) {
  const AutoMode mode = cgroup_mode(builder);
  if (!builder.conf().mounts.automatic.cgroup_full) {
    return add_cgroup_bind(builder, placement.limit, target, mode == AutoMode::kReadOnly);
  }
  add_cgroup_bind(builder, placement.hierarchy.mount_point, target, mode != AutoMode::kReadWrite);
  if (mode != AutoMode::kMixed) return;
  add_cgroup_bind(builder, placement.limit, target + placement.limit.substr(placement.hierarchy.mount_point.size()), false);
}

void mount_hierarchy(Builder& builder, const cgroup::Placement& placement, const std::string& target) {
  if (!builder.cgroup_namespace) return bind_hierarchy(builder, placement, target);
  const unsigned long flags = cgroup_mode(builder) == AutoMode::kReadOnly ? kMsReadOnly : 0;
  const std::string& controllers = placement.hierarchy.controllers;
  const std::string_view type = controllers.empty() ? "cgroup2" : "cgroup";
  add_filesystem(builder, {type, "cgroup", target, controllers, kMsNoSuid | kMsNoDev | kMsNoExec | kMsRelAtime | flags},
                 "lxc.mount.auto");
}

}  // namespace

void plan_automatic_mounts(Builder& builder) {
  plan_proc(builder);
  plan_sys(builder);
}

Status plan_mount_entries(Builder& builder) {
  TRY(plan_fstab(builder));
  for (const auto& [line, origin] : builder.conf().mounts.entries) {
    auto entry = config::parse_mount_entry(line);
    if (!entry) return fail(std::move(entry.error()).set_by(origin));
    TRY(plan_entry_line(builder, *entry, origin));
  }
  return {};
}

void plan_cgroup_mounts(Builder& builder) {
  if (!wants_cgroup_mounts(builder)) return;
  const auto& placements = builder.cgroups.placements;
  if (pure_v2(builder)) return mount_hierarchy(builder, placements.front(), "sys/fs/cgroup");
  add_filesystem(builder,
                 {"tmpfs", "none", "sys/fs/cgroup", "size=10240k,mode=755", kMsNoSuid | kMsNoDev | kMsNoExec | kMsRelAtime},
                 "lxc.mount.auto");
  for (const cgroup::Placement& placement : placements) {
    mount_hierarchy(builder, placement, "sys/fs/cgroup/" + last_component(placement.hierarchy.mount_point));
  }
}

}  // namespace berth::plan
