// Runs in: host commands.
#include "runtime/inspect.hpp"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "os/namespaces.hpp"
#include "runtime/inside.hpp"
#include "runtime/limit_groups.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

// The first controller of `hierarchy` that statistics come from, and where its directory goes.
std::string* wanted(cgroup::StatsDirectories& directories, const cgroup::Hierarchy& hierarchy, std::string& controller) {
  if (hierarchy.unified()) return &directories.unified;
  for (const std::string_view name : strings::split(hierarchy.controllers, ',')) {
    controller = name;
    if (name == "memory") return &directories.memory;
    if (name == "cpuacct") return &directories.cpuacct;
    if (name == "blkio") return &directories.blkio;
    if (name == "pids") return &directories.pids;
  }
  return nullptr;
}

bool has_v1_memory(const cgroup::Host& host) {
  cgroup::StatsDirectories directories;
  std::string controller;
  return std::ranges::any_of(host.hierarchies, [&](const cgroup::Hierarchy& hierarchy) {
    return wanted(directories, hierarchy, controller) == &directories.memory;
  });
}

}  // namespace

// Of the calling thread: others of its process can be elsewhere.
Result<Fd> own_network() { return sys::open("/proc/thread-self/ns/net", O_RDONLY); }

cgroup::StatsDirectories stats_directories(const CommandClient& client, const cgroup::Host& host, StatsKind kind) {
  cgroup::StatsDirectories directories;
  const bool v1_memory = has_v1_memory(host);
  for (const cgroup::Hierarchy& hierarchy : host.hierarchies) {
    std::string controller;
    std::string* directory = wanted(directories, hierarchy, controller);
    if (directory == nullptr || (directory == &directories.pids && kind != StatsKind::kLoad)) continue;
    if (kind == StatsKind::kMemory && directory != (v1_memory ? &directories.memory : &directories.unified)) continue;
    // A container of another layout of groups has none in this hierarchy; that is no failure.
    if (const auto group = limit_path(client, controller)) *directory = strings::cat(hierarchy.mount_point, *group);
  }
  return directories;
}

Result<cgroup::Stats> read_stats(const CommandClient& client, const cgroup::Host& host, StatsKind kind) {
  return cgroup::read_stats(stats_directories(client, host, kind));
}

Result<NetworkVisitor> NetworkVisitor::create(Who who) {
  Fd home = TRY(own_network());
  if (who == Who::kSelf) return NetworkVisitor(std::move(home), std::nullopt);
  return NetworkVisitor(std::move(home), TRY(NetworkScout::start()));
}

Result<Fd> NetworkVisitor::route_socket_at(const Fd& there) const {
  if (scout_) return scout_->route_socket_in(there.get());
  TRY(sys::set_namespace(there.get(), CLONE_NEWNET, "the container's network namespace"));
  auto socket = sys::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  TRY(sys::set_namespace(home_.get(), CLONE_NEWNET, "the host's network namespace"));
  return socket;
}

Result<os::Netlink> NetworkVisitor::socket_in(pid_t init) const {
  const Fd there = TRY(sys::has(sys::Feature::kPidfdSetns) ? sys::open_pidfd(init)
                                                           : os::open_namespace(init, *os::find_namespace(CLONE_NEWNET)));
  auto socket = route_socket_at(there);
  if (socket) return os::Netlink::adopt(std::move(*socket));
  if (socket.error().code() != EPERM) return fail(std::move(socket.error()));
  return socket_as_owner(init);
}

// Without privileges the way leads through the container's user namespace. Who shares the network namespace needs none.
Result<os::Netlink> NetworkVisitor::socket_as_owner(pid_t init) const {
  const Fd there = TRY(os::open_namespace(init, *os::find_namespace(CLONE_NEWNET)));
  if (TRY(os::same_namespace(there.get(), home_.get()))) return os::Netlink::open();
  const Fd user = TRY(os::open_namespace(init, *os::find_namespace(CLONE_NEWUSER)));
  return os::Netlink::adopt(TRY(route_socket_in(user.get(), there.get())));
}

Result<std::vector<os::Link>> NetworkVisitor::links_of(pid_t init) const { return TRY(socket_in(init)).links(); }

Result<std::vector<os::Link>> NetworkVisitor::counted_links_of(pid_t init) const { return TRY(socket_in(init)).bare_links(); }

Result<std::vector<os::Link>> NetworkVisitor::addressed_links_of(pid_t init) const {
  return TRY(socket_in(init)).addressed_links();
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
