// Runs in: the command or library caller that reads configuration.
#include "config/codecs.hpp"
#include "config/key_sections.hpp"
#include "config/pair_codec.hpp"

namespace berth::config {
namespace {

Status check_inner(const Assignment& assignment) {
  const std::string_view value = assignment.value;
  if (value.find('/') == std::string_view::npos && value != "." && value != "..") return {};
  return fail(bad_value(assignment, "a single name, without \"/\""));
}

// The name becomes a file in the container's group.
Status check_file(const Assignment& assignment) {
  if (assignment.ref.sub.find('/') == std::string_view::npos) return {};
  return fail(bad_value(assignment, "a control file name without \"/\"", assignment.ref.sub));
}

template <auto Member>
constexpr Codec path() {
  return checked_text<check_relative_path, &Conf::cgroup, Member>();
}

constexpr Key kKeys[] = {
    {.name = "lxc.cgroup2",
     .flags = kList | kPrefix | kLive,
     .codec = pair_list<PairRule::kAppend, check_file, &Conf::cgroup, &CgroupConf::v2>(),
     .syntax = "lxc.cgroup2.FILE = VALUE",
     .example = "memory.max = 512M",
     .initial = "none",
     .since = "3.0",
     .documentation = "A value that is written to FILE of the container's group in the unified hierarchy, in the order of the "
                      "lines. devices.allow and devices.deny, which have no file there, become a device program."},
    {.name = "lxc.cgroup",
     .flags = kList | kPrefix | kLive,
     .codec = pair_list<PairRule::kAppend, check_file, &Conf::cgroup, &CgroupConf::v1>(),
     .syntax = "lxc.cgroup.FILE = VALUE",
     .example = "memory.limit_in_bytes = 512M",
     .initial = "none",
     .documentation =
         "The same for the hierarchies of control groups version 1. Ignored on hosts that have only the unified one."},
    {.name = "lxc.cgroup.dir",
     .codec = path<&CgroupConf::dir>(),
     .syntax = "PATH",
     .example = "machines",
     .initial = "none",
     .documentation = "A group, relative to the root of the hierarchy (or to the caller's group, see lxc.cgroup.relative), below "
                      "which the groups of container and monitor are made."},
    {.name = "lxc.cgroup.dir.monitor",
     .codec = path<&CgroupConf::dir_monitor>(),
     .syntax = "PATH",
     .example = "machines/web1.monitor",
     .initial = "lxc.monitor.NAME",
     .since = "4.0",
     .documentation = "The monitor's group, used as it is. Only together with lxc.cgroup.dir.container."},
    {.name = "lxc.cgroup.dir.monitor.pivot",
     .codec = path<&CgroupConf::dir_monitor_pivot>(),
     .syntax = "PATH",
     .example = "lxc.pivot",
     .initial = "none",
     .since = "4.0",
     .documentation =
         "The group into which the monitor moves at the end, so that its own can be removed. It must not be below one "
         "of the other groups."},
    {.name = "lxc.cgroup.dir.container",
     .codec = path<&CgroupConf::dir_container>(),
     .syntax = "PATH",
     .example = "machines/web1",
     .initial = "lxc.payload.NAME",
     .since = "4.0",
     .documentation = "The container's group, used as it is; limits are set here. Only together with lxc.cgroup.dir.monitor."},
    {.name = "lxc.cgroup.dir.container.inner",
     .codec = checked_text<check_inner, &Conf::cgroup, &CgroupConf::dir_container_inner>(),
     .syntax = "NAME",
     .example = "inside",
     .initial = "none",
     .since = "4.0",
     .documentation =
         "A child of the container's group in which init and its cgroup namespace live, so that the container cannot "
         "change the limits that are set one level above."},
    {.name = "lxc.cgroup.relative",
     .codec = flag<&Conf::cgroup, &CgroupConf::relative>(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .since = "3.1",
     .documentation = "1 makes the groups below the caller's own group instead of the hierarchy's root."},
};

}  // namespace

std::span<const Key> cgroup_keys() { return kKeys; }

}  // namespace berth::config
