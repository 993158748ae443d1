// Runs in: the command or library caller that reads configuration.
#include "config/conflicts.hpp"

#include <sched.h>

#include <string_view>

#include "base/strings.hpp"

namespace berth::config {
namespace {

void cgroup_conflicts(const Conf& conf, std::vector<Error>& found) {
  const CgroupConf& cgroup = conf.cgroup;
  const bool split = !cgroup.dir_monitor.empty() || !cgroup.dir_container.empty() || !cgroup.dir_container_inner.empty();
  if (!cgroup.dir.empty() && split) {
    found.push_back(Error::message("lxc.cgroup.dir excludes lxc.cgroup.dir.monitor, .container and .container.inner")
                        .set_by(conf.origin("lxc.cgroup.dir"))
                        .hint("use lxc.cgroup.dir alone, or the pair lxc.cgroup.dir.monitor and lxc.cgroup.dir.container"));
    return;
  }
  if (!split || (!cgroup.dir_monitor.empty() && !cgroup.dir_container.empty())) return;
  const std::string_view present = !cgroup.dir_monitor.empty()     ? "lxc.cgroup.dir.monitor"
                                   : !cgroup.dir_container.empty() ? "lxc.cgroup.dir.container"
                                                                   : "lxc.cgroup.dir.container.inner";
  found.push_back(Error::message(strings::cat(present, " needs lxc.cgroup.dir.monitor and lxc.cgroup.dir.container together"))
                      .set_by(conf.origin(present)));
}

void namespace_conflicts(const Conf& conf, std::vector<Error>& found) {
#ifndef CLONE_NEWTIME
  constexpr int CLONE_NEWTIME = 0x80;
#endif
  const bool offsets = conf.time_offset_boot_ns != 0 || conf.time_offset_monotonic_ns != 0;
  const bool has_time = conf.namespaces.clone && (*conf.namespaces.clone & CLONE_NEWTIME) != 0;
  if (!offsets || has_time) return;
  const std::string_view key = conf.time_offset_boot_ns != 0 ? "lxc.time.offset.boot" : "lxc.time.offset.monotonic";
  found.push_back(Error::message(strings::cat(key, " needs a time namespace of the container's own"))
                      .set_by(conf.origin(key))
                      .hint("list the namespaces in lxc.namespace.clone, with time among them"));
}

void network_conflicts(const Conf& conf, std::vector<Error>& found) {
  for (const NetworkConf& network : conf.networks) {
    if (network.type.empty()) {
      found.push_back(Error::message(strings::cat("lxc.net.", network.index, " has no type"))
                          .set_by(network.values.empty() ? network.origin : network.values.front().second.origin)
                          .hint(strings::cat("add a line before it: lxc.net.", network.index, ".type = veth")));
    }
    if (network.type == "none" && conf.networks.size() > 1) {
      found.push_back(Error::message("a network of type \"none\" shares the host's network and must be the only one")
                          .set_by(network.origin)
                          .hint("remove it, or the other networks"));
    }
  }
}

}  // namespace

std::vector<Error> find_conflicts(const Conf& conf) {
  std::vector<Error> found;
  cgroup_conflicts(conf, found);
  namespace_conflicts(conf, found);
  network_conflicts(conf, found);
  return found;
}

}  // namespace berth::config
