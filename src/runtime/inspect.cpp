// Runs in: host commands.
#include "runtime/inspect.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "os/namespaces.hpp"
#include "sys/features.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

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

bool has_v1_memory(const cgroup::Host& host) {
  cgroup::StatsDirectories directories;
  std::string controller;
  return std::ranges::any_of(host.hierarchies, [&](const cgroup::Hierarchy& hierarchy) {
    return wanted(directories, hierarchy, controller) == &directories.memory;
  });
}

// What setns takes for the network namespace of `init`: its pidfd, which costs a fraction of the way through /proc.
Result<Fd> network_of(pid_t init) {
  if (sys::has(sys::Feature::kPidfdSetns)) return sys::open_pidfd(init);
  return os::open_namespace(init, *os::find_namespace(CLONE_NEWNET));
}

// The child of `visit_as_owner`: raw calls only. Sends the socket, or exits with errno.
[[noreturn]] void send_socket_from(int user, int network, int channel) {
  using sys::raw::call;
  long failed = call(SYS_setns, user, CLONE_NEWUSER);
  if (failed == 0) failed = call(SYS_setns, network, CLONE_NEWNET);
  const long socket = failed == 0 ? call(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) : failed;
  if (socket < 0) call(SYS_exit_group, -socket);
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  *reinterpret_cast<int*>(CMSG_DATA(header)) = static_cast<int>(socket);
  const long sent = call(SYS_sendmsg, channel, &message, MSG_NOSIGNAL);
  call(SYS_exit_group, sent < 0 ? -sent : 0);
  __builtin_unreachable();
}

// Without privileges the way leads through the container's user namespace, which nobody leaves again: a child goes.
Result<os::Netlink> visit_as_owner(pid_t init, const Fd& there) {
  const Fd user = TRY(os::open_namespace(init, *os::find_namespace(CLONE_NEWUSER)));
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_STREAM | SOCK_CLOEXEC));
  const sys::Cloned child = TRY(sys::clone(0));
  if (child.pid == 0) send_socket_from(user.get(), there.get(), theirs.get());
  theirs.reset();
  std::byte byte[1];
  auto received = sys::receive(ours.get(), byte);
  const auto status = sys::wait_pidfd(child.pidfd.get());
  if (received && !received->descriptors.empty()) return os::Netlink::adopt(std::move(received->descriptors.front()));
  return fail(Error::from_errno(status && WIFEXITED(*status) ? WEXITSTATUS(*status) : EIO, "setns", "the container's namespaces"));
}

}  // namespace

Result<cgroup::Stats> read_stats(const CommandClient& client, const cgroup::Host& host, StatsKind kind) {
  cgroup::StatsDirectories directories;
  const bool memory_only = kind == StatsKind::kMemory;
  const bool v1_memory = has_v1_memory(host);
  for (const cgroup::Hierarchy& hierarchy : host.hierarchies) {
    std::string controller;
    std::string* directory = wanted(directories, hierarchy, controller);
    if (directory == nullptr) continue;
    if (memory_only && directory != (v1_memory ? &directories.memory : &directories.unified)) continue;
    // A container of another layout of groups has none in this hierarchy; that is no failure.
    if (const auto group = group_of(client, controller)) *directory = strings::cat(hierarchy.mount_point, *group);
  }
  return cgroup::read_stats(directories);
}

Result<NetworkVisitor> NetworkVisitor::create() {
  return NetworkVisitor(TRY(os::open_namespace(sys::current_pid(), *os::find_namespace(CLONE_NEWNET))));
}

// A socket stays in the namespace where it was opened.
Result<os::Netlink> NetworkVisitor::visit(pid_t init) const {
  const Fd there = TRY(network_of(init));
  TRY(sys::set_namespace(there.get(), CLONE_NEWNET, "the container's network namespace"));
  auto socket = os::Netlink::open();
  TRY(sys::set_namespace(home_.get(), CLONE_NEWNET, "the host's network namespace"));
  return socket;
}

Result<os::Netlink> NetworkVisitor::socket_as_owner(pid_t init) const {
  const Fd there = TRY(os::open_namespace(init, *os::find_namespace(CLONE_NEWNET)));
  if (TRY(os::same_namespace(there.get(), home_.get()))) return os::Netlink::open();
  return visit_as_owner(init, there);
}

Result<os::Netlink> NetworkVisitor::socket_in(pid_t init) const {
  auto socket = visit(init);
  return socket || socket.error().code() != EPERM ? std::move(socket) : socket_as_owner(init);
}

Result<std::vector<os::Link>> NetworkVisitor::links_of(pid_t init) const { return TRY(socket_in(init)).links(); }

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
