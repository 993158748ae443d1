// Runs in: host commands.
#include "runtime/inspect.hpp"

#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/strings.hpp"
#include "os/namespaces.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

// Monitors before LXC 4.0.3 know no limit group.
Result<std::string> group_of(const CommandClient& client, const std::string& controller) {
  auto group = client.limit_cgroup(controller);
  return group || group.error().code() == ECONNREFUSED ? group : client.cgroup(controller);
}

// The first controller of `hierarchy` that statistics come from, and where its directory goes.
std::string* wanted(cgroup::StatsDirectories& directories, const cgroup::Hierarchy& hierarchy, std::string& controller) {
  if (hierarchy.unified()) return &directories.unified;
  for (const std::string_view name : strings::split(hierarchy.controllers, ',')) {
    controller = name;
    if (name == "memory") return &directories.memory;
    if (name == "cpuacct") return &directories.cpuacct;
    if (name == "blkio") return &directories.blkio;
  }
  return nullptr;
}

}  // namespace

Result<cgroup::Stats> read_stats(const CommandClient& client, const cgroup::Host& host) {
  cgroup::StatsDirectories directories;
  for (const cgroup::Hierarchy& hierarchy : host.hierarchies) {
    std::string controller;
    std::string* directory = wanted(directories, hierarchy, controller);
    if (directory == nullptr) continue;
    // A container of another layout of groups has none in this hierarchy; that is no failure.
    if (const auto group = group_of(client, controller)) *directory = strings::cat(hierarchy.mount_point, *group);
  }
  return cgroup::read_stats(directories);
}

Result<std::vector<os::Link>> links_of(pid_t init) {
  const os::Namespace& network = *os::find_namespace(CLONE_NEWNET);
  const Fd there = TRY(os::open_namespace(init, network));
  const Fd here = TRY(os::open_namespace(sys::current_pid(), network));
  if (TRY(os::same_namespace(there.get(), here.get()))) return TRY(os::Netlink::open()).links();
  TRY(sys::set_namespace(there.get(), CLONE_NEWNET, "the container's network namespace"));
  auto socket = os::Netlink::open();
  TRY(sys::set_namespace(here.get(), CLONE_NEWNET, "the host's network namespace"));
  if (!socket) return fail(socket.error());
  return socket->links();  // the socket stays where it was opened
}

std::vector<std::string> shown_addresses(const std::vector<os::Link>& links, int family) {
  std::vector<std::string> texts;
  for (const os::Link& link : links) {
    if (link.name == "lo") continue;
    for (const os::LinkAddress& address : link.addresses) {
      const bool shown = family != AF_INET6 || address.scope == RT_SCOPE_UNIVERSE;
      if (address.family == family && shown) texts.push_back(address.text);
    }
  }
  return texts;
}

}  // namespace berth::runtime
