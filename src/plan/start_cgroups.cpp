// Runs in: the starting command.
#include <fcntl.h>

#include <algorithm>

#include "base/strings.hpp"
#include "plan/builder.hpp"
#include "sys/features.hpp"

namespace berth::plan {
namespace {

std::vector<cgroup::Setting> settings_of(const std::vector<config::Sourced<std::pair<std::string, std::string>>>& values) {
  std::vector<cgroup::Setting> settings;
  for (const auto& [value, origin] : values) settings.push_back({value.first, value.second, origin});
  return settings;
}

cgroup::Request request_of(const Builder& builder) {
  const config::CgroupConf& conf = builder.conf().cgroup;
  cgroup::Request request;
  request.name = builder.inputs.name;
  request.dir = conf.dir;
  request.dir_monitor = conf.dir_monitor;
  request.dir_container = conf.dir_container;
  request.dir_container_inner = conf.dir_container_inner;
  request.dir_monitor_pivot = conf.dir_monitor_pivot;
  request.pattern = builder.inputs.cgroup_pattern;
  request.relative = conf.relative;
  request.namespaced_user = builder.user_namespace;
  request.owner_uid = builder.root_uid;
  request.owner_gid = builder.root_gid;
  request.v1 = settings_of(conf.v1);
  request.v2 = settings_of(conf.v2);
  return request;
}

bool below(const std::string& path, const std::string& directory) {
  return path.size() >= directory.size() && path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string relative_to(const std::string& path, const std::string& root) {
  return path.size() > root.size() ? path.substr(root.size()) : "/";
}

void list_paths(Settings& settings, const cgroup::Placement& placement) {
  const std::string& root = placement.hierarchy.mount_point;
  std::vector<std::string_view> controllers = strings::split(placement.hierarchy.controllers, ',');
  for (const std::string_view controller : controllers) {
    settings.cgroup_paths.emplace_back(controller);
    settings.cgroup_paths.push_back(relative_to(placement.payload, root));
    settings.cgroup_paths.push_back(relative_to(placement.limit, root));
    settings.cgroup_paths.push_back(root);
  }
}

void plan_write(PlannedStep& step, const cgroup::Write& write) {
  step.text[0] = write.path;
  step.text[1] = write.value;
  step.origin = write.origin;
  step.flags = child::kStepOnReboot | (write.may_fail ? std::uint32_t{child::kStepMayFail} : 0);
}

// Groups that a process can be born in are made before the monitor is, all others while it starts.
child::Phase phase_of(const cgroup::Placement& placement) {
  return entered_by_birth(placement) ? child::Phase::kCaller : child::Phase::kBeside;
}

// Of a write to a group: with the making of its hierarchy's groups, of those above the container's (lxc.cgroup.dir) too.
child::Phase phase_of(const Builder& builder, const std::string& path) {
  for (const cgroup::Placement& placement : builder.cgroups.placements) {
    const auto holds = [&path](const std::string& directory) { return below(path, directory); };
    if (holds(placement.payload) || holds(placement.limit) || holds(placement.monitor) ||
        std::ranges::any_of(placement.make, holds))
      return phase_of(placement);
  }
  return child::Phase::kCaller;
}

void plan_device_program(Builder& builder, const cgroup::DeviceProgram& devices) {
  PlannedStep& step = builder.meanwhile(child::Op::kDeviceProgram,
                                        strings::cat("setting the device rules (", strings::join(devices.rules, ", "), ")"));
  step.text[0] = devices.group;
  step.text[1] = devices.program;
  step.list[0] = devices.rules;
  step.num[0] = devices.allowed_at_first ? 1 : 0;
  step.origin = devices.origin;
}

void plan_directories(Builder& builder, const cgroup::Placement& placement) {
  const child::Phase phase = phase_of(placement);
  for (const std::string& directory : placement.stale) {
    builder.add(phase, child::Op::kRemoveCgroup, "removing what a dead run left of the cgroup").text[0] = directory;
  }
  for (const std::string& directory : placement.make) {
    PlannedStep& make = builder.add(phase, child::Op::kMakeCgroup, "making the cgroup");
    make.text[0] = directory;
    make.num[0] = 0755;
    if (!below(directory, placement.limit)) continue;
    make.flags = child::kStepOnReboot;
    builder.undo(child::Op::kRemoveCgroup, "removing the cgroup").text[0] = directory;
  }
}

}  // namespace

std::string entry_file(const cgroup::Placement& placement, const std::string& directory) {
  return directory + (placement.hierarchy.unified() ? "/cgroup.procs" : "/tasks");
}

Status decide_cgroups(Builder& builder) {
  builder.cgroups = TRY_CONTEXT(cgroup::arrange(builder.inputs.cgroups, request_of(builder)), "planning the cgroups");
  Settings& settings = builder.plan.settings;
  for (const cgroup::Placement& placement : builder.cgroups.placements) {
    settings.monitor_cgroups.push_back(placement.monitor);
    list_paths(settings, placement);
  }
  settings.pivot_cgroup = builder.cgroups.pivot;
  settings.freezer = builder.cgroups.freezer_file;
  settings.freezer_is_v2 = builder.cgroups.freezer_is_v2;
  for (const std::string& warning : builder.cgroups.warnings) settings.warnings.push_back(warning);
  return {};
}

void plan_caller_cgroups(Builder& builder) {
  for (const cgroup::Placement& placement : builder.cgroups.placements) plan_directories(builder, placement);
  for (const cgroup::Write& write : builder.cgroups.writes) {
    if (!write.devices)
      plan_write(builder.add(phase_of(builder, write.path), child::Op::kWriteHostFile, "setting a cgroup limit"), write);
  }
  for (const auto& [path, uid, gid] : builder.cgroups.chowns) {
    PlannedStep& chown =
        builder.add(phase_of(builder, path), child::Op::kChownHost, "handing the cgroup to the container's root");
    chown.text[0] = path;
    chown.num[0] = uid;
    chown.num[1] = gid;
    chown.flags = child::kStepOnReboot;
  }
}

bool groups_made_beside(const Builder& builder) {
  const auto& placements = builder.cgroups.placements;
  return std::any_of(placements.begin(), placements.end(), [](const auto& placement) { return !entered_by_birth(placement); });
}

// Where the kernel can't let a process be born in its group, it enters the unified one as it enters the v1 ones.
bool entered_by_birth(const cgroup::Placement& placement) {
  return placement.hierarchy.unified() && sys::has(sys::Feature::kClone3) && sys::has(sys::Feature::kCloneIntoCgroup);
}

void plan_monitor_cgroups(Builder& builder) {
  if (builder.conf().monitor_unshare != 0) builder.host(child::Op::kPrivateMounts, "giving the monitor its own mount namespace");
  // A container with a user namespace has no right to open its groups itself: it waits for them, and gets them opened.
  const bool opened = builder.user_namespace;
  if (opened && groups_made_beside(builder)) {
    builder.host(child::Op::kAwait, "waiting for the cgroups").num[0] = static_cast<std::int64_t>(child::Point::kGroupsMade);
  }
  std::int64_t slot = kSlotFirstTasks;
  for (const cgroup::Placement& placement : builder.cgroups.placements) {
    const bool birth = entered_by_birth(placement);
    if (!birth && !opened) continue;
    PlannedStep& open = builder.host(child::Op::kOpenSlot, "opening the container's cgroup");
    open.text[0] = birth ? placement.payload : entry_file(placement, placement.payload);
    open.num[0] = birth ? std::int64_t{kSlotPayloadGroup} : slot++;
    open.num[1] = birth ? O_PATH | O_DIRECTORY : O_WRONLY;
    open.flags = child::kStepOnReboot;
  }
}

void plan_monitor_joins(Builder& builder) {
  if (!groups_made_beside(builder)) return;
  builder.meanwhile(child::Op::kAwait, "letting the container enter its cgroups first").num[0] =
      static_cast<std::int64_t>(child::Point::kInGroups);
  for (const cgroup::Placement& placement : builder.cgroups.placements) {
    if (entered_by_birth(placement)) continue;
    PlannedStep& join = builder.meanwhile(child::Op::kJoinCgroup, "moving the monitor to its cgroup");
    join.text[0] = entry_file(placement, placement.monitor);
  }
}

void plan_devices_rules(Builder& builder) {
  for (const cgroup::Write& write : builder.cgroups.writes) {
    if (write.devices) plan_write(builder.meanwhile(child::Op::kWriteHostFile, "setting the device rules"), write);
  }
  if (builder.cgroups.devices) plan_device_program(builder, *builder.cgroups.devices);
}

}  // namespace berth::plan
