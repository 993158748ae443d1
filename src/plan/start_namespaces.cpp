// Runs in: the starting command.
#include <fcntl.h>
#include <sched.h>

#include "base/strings.hpp"
#include "child/mount_flags.hpp"
#include "os/id_map.hpp"
#include "plan/builder.hpp"
#include "sys/features.hpp"

namespace berth::plan {
namespace {

constexpr int kCloneNewTime = 0x80;
constexpr int kAll = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;

bool shares_host_network(const config::Conf& conf) { return conf.networks.size() == 1 && conf.networks.front().type == "none"; }

int wanted_namespaces(const Builder& builder) {
  const config::Conf& conf = builder.conf();
  if (conf.namespaces.clone) return *conf.namespaces.clone;
  int wanted = kAll;
  if (!conf.idmap.empty()) wanted |= CLONE_NEWUSER;
  if (shares_host_network(conf)) wanted &= ~CLONE_NEWNET;
  if (conf.namespaces.keep) wanted &= ~*conf.namespaces.keep;
  return wanted;
}

Status check_consistency(const Builder& builder, int wanted) {
  const config::Conf& conf = builder.conf();
  if (builder.inputs.shared_namespaces.contains(CLONE_NEWNS)) {
    const auto shared = conf.namespaces.share.find(CLONE_NEWNS);
    return fail(Error::message("sharing a mount namespace is not supported")
                    .because("a container that mounts its root file system there would change the other one's")
                    .set_by(shared == conf.namespaces.share.end() ? Origin{} : shared->second.origin)
                    .hint("share files instead, with lxc.mount.entry lines of the same directory in both containers"));
  }
  if (builder.inputs.shared_namespaces.contains(CLONE_NEWUSER)) {
    const auto shared = conf.namespaces.share.find(CLONE_NEWUSER);
    return fail(Error::message("sharing a user namespace is not supported yet")
                    .set_by(shared == conf.namespaces.share.end() ? Origin{} : shared->second.origin)
                    .hint("give both containers the same lxc.idmap lines"));
  }
  if (!conf.idmap.empty() && (wanted & CLONE_NEWUSER) == 0) {
    return fail(Error::message("lxc.idmap needs a user namespace of the container's own")
                    .set_by(conf.idmap.front().origin)
                    .hint("add user to lxc.namespace.clone, or remove it from lxc.namespace.keep"));
  }
  if ((wanted & CLONE_NEWUSER) != 0 && conf.idmap.empty()) {
    return fail(Error::message("a user namespace needs an id map")
                    .set_by(builder.origin("lxc.namespace.clone"))
                    .hint("add lxc.idmap lines such as: lxc.idmap = u 0 100000 65536 and lxc.idmap = g 0 100000 65536"));
  }
  if ((wanted & CLONE_NEWNS) == 0) {
    return fail(Error::message("a container without a mount namespace of its own would change the host's mounts")
                    .set_by(builder.origin(conf.namespaces.keep ? "lxc.namespace.keep" : "lxc.namespace.clone"))
                    .hint("let the container have its own mnt namespace"));
  }
  return {};
}

// The host id that inside id 0 maps to, or an Error when nothing does.
Result<std::uint32_t> mapped_root(const config::Conf& conf, char kind) {
  for (const auto& entry : conf.idmap) {
    if (entry.value.kind == kind && entry.value.inside == 0 && entry.value.count > 0) return entry.value.host;
  }
  const std::string what = kind == 'u' ? "user" : "group";
  return fail(Error::message("the id map gives the container no root " + what)
                  .set_by(conf.idmap.front().origin)
                  .hint(strings::cat("add a line that maps id 0: lxc.idmap = ", kind, " 0 100000 65536")));
}

// The kernel refuses a map as a whole: which line is at fault is told here.
Status check_id_maps(const config::Conf& conf) {
  os::IdRanges users, groups;
  for (const auto& [entry, origin] : conf.idmap) {
    auto added = (entry.kind == 'u' ? users : groups).add({entry.inside, entry.host, entry.count});
    if (!added) return fail(std::move(added.error()).set_by(origin).hint("correct the lxc.idmap lines"));
  }
  return {};
}

Status decide_user_namespace(Builder& builder) {
  builder.user_namespace = (builder.cloned & CLONE_NEWUSER) != 0;
  if (!builder.user_namespace) return {};
  TRY(check_id_maps(builder.conf()));
  builder.root_uid = TRY(mapped_root(builder.conf(), 'u'));
  builder.root_gid = TRY(mapped_root(builder.conf(), 'g'));
  return {};
}

std::string map_lines(const config::Conf& conf, char kind) {
  std::string lines;
  for (const auto& [entry, origin] : conf.idmap) {
    if (entry.kind == kind) lines += strings::cat(entry.inside, ' ', entry.host, ' ', entry.count, '\n');
  }
  return lines;
}

void plan_id_map(Builder& builder, char kind) {
  const std::string name = kind == 'u' ? "uid_map" : "gid_map";
  PlannedStep& step = builder.meanwhile(child::Op::kWriteIdMap, kind == 'u' ? "mapping user ids" : "mapping group ids");
  step.text[0] = name;
  step.text[1] = map_lines(builder.conf(), kind);
  step.origin = builder.conf().idmap.front().origin;
  if (builder.inputs.privileged) return;
  // Without the right to map other ids the setuid helpers of the shadow suite check /etc/subuid and /etc/subgid.
  step.list[0] = {kind == 'u' ? "newuidmap" : "newgidmap"};
  for (const std::string_view word : strings::split_words(step.text[1])) step.list[0].emplace_back(word);
}

std::int64_t plan_shared_namespaces(Builder& builder) {
  std::int64_t mask = 0;
  std::int64_t slot = kSlotFirstNamespace;
  for (const auto& [flag, path] : builder.inputs.shared_namespaces) {
    PlannedStep& step = builder.host(child::Op::kOpenSlot, "opening the namespace to share");
    step.text[0] = path;
    step.num[0] = slot;
    step.flags = child::kStepOnReboot;
    const auto shared = builder.conf().namespaces.share.find(flag);
    if (shared != builder.conf().namespaces.share.end()) step.origin = shared->second.origin;
    mask |= std::int64_t{1} << slot++;
  }
  return mask;
}

bool waits_for_monitor(const Builder& builder) { return builder.user_namespace || groups_made_beside(builder); }

std::string time_offsets(const config::Conf& conf) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::string lines;
  const auto line = [&lines](std::string_view clock, std::int64_t offset) {
    if (offset == 0) return;
    // The kernel wants whole seconds and 0 <= nanoseconds < 1 s.
    std::int64_t seconds = offset / kSecond;
    std::int64_t rest = offset % kSecond;
    if (rest < 0) {
      --seconds;
      rest += kSecond;
    }
    lines += strings::cat(clock, ' ', seconds, ' ', rest, '\n');
  };
  line("monotonic", conf.time_offset_monotonic_ns);
  line("boottime", conf.time_offset_boot_ns);
  return lines;
}

constexpr const char* kEntering = "entering the container's cgroups";

void plan_groups_by_slot(Builder& builder) {
  std::int64_t mask = 0;
  std::int64_t slot = kSlotFirstTasks;
  for (const cgroup::Placement& placement : builder.cgroups.placements) {
    if (!entered_by_birth(placement)) mask |= std::int64_t{1} << slot++;
  }
  builder.inside(child::Op::kWriteSlots, kEntering).num[0] = mask;
}

void plan_groups_by_path(Builder& builder) {
  PlannedStep& join = builder.inside(child::Op::kJoinGroups, kEntering);
  for (const cgroup::Placement& placement : builder.cgroups.placements) {
    if (!entered_by_birth(placement)) join.list[0].push_back(entry_file(placement, placement.payload));
  }
}

void plan_cgroup_entry(Builder& builder) {
  if (groups_made_beside(builder)) {
    if (builder.user_namespace)
      plan_groups_by_slot(builder);
    else
      plan_groups_by_path(builder);
    builder.inside(child::Op::kRelease, "telling the monitor that it is in its cgroups").num[0] =
        static_cast<std::int64_t>(child::Point::kInGroups);
  }
  if (!builder.cgroup_namespace) return;
  builder.inside(child::Op::kUnshare, "making the cgroup namespace").num[0] = CLONE_NEWCGROUP;
}

}  // namespace

Status decide_namespaces(Builder& builder) {
  int wanted = wanted_namespaces(builder);
  for (const auto& [flag, path] : builder.inputs.shared_namespaces) wanted &= ~flag;
  TRY(check_consistency(builder, wanted));
  builder.cgroup_namespace = (wanted & CLONE_NEWCGROUP) != 0 && sys::has(sys::Feature::kCgroupNamespace);
  builder.time_namespace = (wanted & kCloneNewTime) != 0;
  if (builder.time_namespace && !sys::has(sys::Feature::kTimeNamespace)) {
    return fail(Error::message("this kernel has no time namespaces").set_by(builder.origin("lxc.namespace.clone")));
  }
  // Both are made by the first process itself: a cgroup namespace is rooted where its maker is, and a new time namespace is
  // entered only once its offsets are set.
  builder.cloned = wanted & ~(CLONE_NEWCGROUP | kCloneNewTime);
  builder.plan.settings.clone_flags = static_cast<std::uint32_t>(wanted);
  return decide_user_namespace(builder);
}

Status plan_clone(Builder& builder) {
  const std::int64_t shared = plan_shared_namespaces(builder);
  PlannedStep& clone = builder.host(child::Op::kClone, "creating the container's first process");
  clone.num[0] = builder.cloned;
  clone.num[1] = child::kNoSlot;
  for (const cgroup::Placement& placement : builder.cgroups.placements) {
    if (entered_by_birth(placement)) clone.num[1] = kSlotPayloadGroup;
  }
  clone.num[2] = shared;
  clone.flags = child::kStepOnReboot;
  if (builder.user_namespace) {
    plan_id_map(builder, 'u');
    if (!builder.inputs.privileged) builder.meanwhile(child::Op::kDenySetgroups, "giving up setgroups");
    plan_id_map(builder, 'g');
  } else if (groups_made_beside(builder)) {
    builder.meanwhile(child::Op::kAwait, "waiting for the cgroups").num[0] = static_cast<std::int64_t>(child::Point::kGroupsMade);
  }
  if (waits_for_monitor(builder)) {
    builder.meanwhile(child::Op::kRelease, "telling the container that its ids are mapped and its cgroups made").num[0] =
        static_cast<std::int64_t>(child::Point::kIdsMapped);
  }
  return {};
}

void plan_entry(Builder& builder) {
  const config::Conf& conf = builder.conf();
  PlannedStep& propagation = builder.inside(child::Op::kPropagation, "cutting the mounts off from the host's");
  propagation.text[0] = "/";
  propagation.num[0] = static_cast<std::int64_t>(child::kMsRec | child::kMsSlave);
  if (builder.has_root) {
    PlannedStep& point = builder.inside(child::Op::kOpenSlot, "opening the mount point of the root file system");
    point.text[0] = builder.root_mount;
    point.num[0] = kSlotMountPoint;
    point.num[1] = O_PATH | O_DIRECTORY;
    point.origin = builder.origin("lxc.rootfs.mount");
  }
  if (waits_for_monitor(builder)) {
    builder.inside(child::Op::kAwait, "waiting for the id maps and cgroups").num[0] =
        static_cast<std::int64_t>(child::Point::kIdsMapped);
  }
  plan_cgroup_entry(builder);
  if (builder.user_namespace) builder.inside(child::Op::kBecomeRoot, "becoming the container's root");
  builder.inside(child::Op::kDeathSignal, "tying init's life to the monitor's").num[0] = conf.signals.death;
  if (builder.time_namespace) {
    PlannedStep& time = builder.inside(child::Op::kTimeOffsets, "making the time namespace");
    time.text[0] = time_offsets(conf);
    time.origin = builder.origin("lxc.time.offset.boot");
  }
  if (!conf.uts_name.empty() && (builder.cloned & CLONE_NEWUTS) != 0) {
    PlannedStep& name = builder.inside(child::Op::kHostname, "setting the host name");
    name.text[0] = conf.uts_name;
    name.origin = builder.origin("lxc.uts.name");
  }
  if (!conf.security.disable_session_keyring) builder.inside(child::Op::kSessionKeyring, "joining a session keyring of its own");
  plan_network_entry(builder);
}

}  // namespace berth::plan
