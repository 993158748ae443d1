// Runs in: every process on the host's side.
#include "sys/socket.hpp"

#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>

#include <cstddef>
#include <cstring>
#include <ctime>

#include "base/strings.hpp"
#include "sys/outcome.hpp"

namespace berth::sys {

using detail::owned;
using detail::refusal;
using detail::retry;
using detail::status;

namespace {

constexpr std::size_t kMostDescriptors = 253;  // SCM_MAX_FD
constexpr std::size_t kControlSize = CMSG_SPACE(kMostDescriptors * sizeof(int)) + CMSG_SPACE(sizeof(ucred));

struct AbstractAddress {
  sockaddr_un address{};
  socklen_t length = 0;
};

// LXC's own convention: the address ends with the name, without padding (unix(7), abstract).
Result<AbstractAddress> abstract_address(std::string_view name, std::string_view operation) {
  AbstractAddress result;
  if (name.size() + 1 > sizeof result.address.sun_path) return refusal(-ENAMETOOLONG, operation, strings::cat('@', name));
  result.address.sun_family = AF_UNIX;
  std::memcpy(result.address.sun_path + 1, name.data(), name.size());
  result.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return result;
}

void take_control(const msghdr& header, Received& received) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(const_cast<msghdr*>(&header), part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    const std::size_t size = part->cmsg_len - CMSG_LEN(0);
    if (part->cmsg_type == SCM_RIGHTS) {
      for (std::size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
        received.descriptors.emplace_back(fd);
      }
    } else if (part->cmsg_type == SCM_CREDENTIALS && size >= sizeof(ucred)) {
      std::memcpy(&received.credentials.emplace(), CMSG_DATA(part), sizeof(ucred));
    }
  }
}

template <std::size_t Size>
void fill_control(msghdr& header, char (&control)[Size], std::span<const int> descriptors, bool credentials) {
  header.msg_control = control;
  header.msg_controllen = Size;
  std::size_t used = 0;
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  if (!descriptors.empty()) {
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
    used += CMSG_SPACE(descriptors.size_bytes());
    part = reinterpret_cast<cmsghdr*>(control + used);
  }
  if (credentials) {
    const ucred own = {static_cast<pid_t>(raw::call(SYS_getpid)), static_cast<uid_t>(raw::call(SYS_geteuid)),
                       static_cast<gid_t>(raw::call(SYS_getegid))};
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_CREDENTIALS;
    part->cmsg_len = CMSG_LEN(sizeof own);
    std::memcpy(CMSG_DATA(part), &own, sizeof own);
    used += CMSG_SPACE(sizeof own);
  }
  header.msg_controllen = used;
  if (used == 0) header.msg_control = nullptr;
}

}  // namespace

Result<Fd> socket(int domain, int type, int protocol) {
  return owned(raw::call(SYS_socket, domain, type | SOCK_CLOEXEC, protocol), "socket");
}

Result<std::pair<Fd, Fd>> socket_pair(int type) {
  int ends[2] = {-1, -1};
  TRY(status(raw::call(SYS_socketpair, AF_UNIX, type | SOCK_CLOEXEC, 0, ends), "socketpair"));
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Status shut_down(int fd, int how) { return status(raw::call(SYS_shutdown, fd, how), "shutdown"); }

Status bind_abstract(int fd, std::string_view name) {
  const AbstractAddress to = TRY(abstract_address(name, "bind"));
  return status(raw::call(SYS_bind, fd, &to.address, to.length), "bind", strings::cat('@', name));
}

Status connect_abstract(int fd, std::string_view name) {
  const AbstractAddress to = TRY(abstract_address(name, "connect"));
  return status(retry(SYS_connect, fd, &to.address, to.length), "connect", strings::cat('@', name));
}

Status connect_path(int fd, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return refusal(-ENAMETOOLONG, "connect", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return status(retry(SYS_connect, fd, &address, sizeof address), "connect", path);
}

Status listen(int fd, int backlog) { return status(raw::call(SYS_listen, fd, backlog), "listen"); }

Result<Fd> accept(int fd) { return owned(retry(SYS_accept4, fd, nullptr, nullptr, SOCK_CLOEXEC), "accept"); }

Result<Received> receive(int fd, std::span<std::byte> buffer, int flags) {
  alignas(cmsghdr) char control[kControlSize];
  iovec block = {buffer.data(), buffer.size()};
  sockaddr_nl sender{};
  msghdr header{};
  header.msg_name = &sender;
  header.msg_namelen = sizeof sender;
  header.msg_iov = &block;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const long count = retry(SYS_recvmsg, fd, &header, flags | MSG_CMSG_CLOEXEC);
  if (count < 0) return refusal(count, "recvmsg", {});
  Received received;
  received.bytes = static_cast<std::size_t>(count);
  if (header.msg_namelen == sizeof sender && sender.nl_family == AF_NETLINK) received.netlink_port = sender.nl_pid;
  take_control(header, received);
  if ((header.msg_flags & MSG_CTRUNC) != 0) return refusal(-EMSGSIZE, "recvmsg", "descriptors of the message");
  return received;
}

Status send(int fd, std::span<const std::byte> data, std::span<const int> descriptors, bool credentials, int flags) {
  if (descriptors.size() > kMostDescriptors) return refusal(-EINVAL, "sendmsg", "more than 253 descriptors");
  alignas(cmsghdr) char control[kControlSize] = {};
  msghdr header{};
  fill_control(header, control, descriptors, credentials);
  do {
    iovec block = {const_cast<std::byte*>(data.data()), data.size()};
    header.msg_iov = &block;
    header.msg_iovlen = 1;
    const long count = retry(SYS_sendmsg, fd, &header, flags | MSG_NOSIGNAL);
    if (count < 0) return refusal(count, "sendmsg", {});
    data = data.subspan(static_cast<std::size_t>(count));
    header.msg_control = nullptr;  // descriptors travel once
    header.msg_controllen = 0;
  } while (!data.empty());
  return {};
}

Result<ucred> peer_credentials(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  TRY(status(raw::call(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), "getsockopt", "SO_PEERCRED"));
  return peer;
}

Status set_option(int fd, int level, int option, int value) {
  return status(raw::call(SYS_setsockopt, fd, level, option, &value, sizeof value), "setsockopt",
                strings::cat("option ", option));
}

Status switch_off_transmit_checksum(int socket_fd, const std::string& interface) {
  ethtool_value off{ETHTOOL_STXCSUM, 0};
  ifreq request{};
  if (interface.size() >= sizeof request.ifr_name) return fail(Error::from_errno(ENODEV, "ioctl SIOCETHTOOL", interface));
  interface.copy(request.ifr_name, interface.size());
  request.ifr_data = reinterpret_cast<char*>(&off);
  return status(raw::call(SYS_ioctl, socket_fd, SIOCETHTOOL, &request), "ioctl SIOCETHTOOL", interface);
}

Result<int> interface_index(int socket_fd, const std::string& name) {
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return fail(Error::from_errno(ENODEV, "ioctl SIOCGIFINDEX", name));
  name.copy(request.ifr_name, name.size());
  const long result = raw::call(SYS_ioctl, socket_fd, SIOCGIFINDEX, &request);
  if (result < 0) return fail(Error::from_errno(static_cast<int>(-result), "ioctl SIOCGIFINDEX", name));
  return request.ifr_ifindex;
}

Status set_time_limits(int fd, int seconds) {
  const timeval limit{seconds, 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    TRY(status(raw::call(SYS_setsockopt, fd, SOL_SOCKET, option, &limit, sizeof limit), "setsockopt",
               strings::cat("option ", option)));
  }
  return {};
}

Result<Fd> epoll() { return owned(raw::call(SYS_epoll_create1, EPOLL_CLOEXEC), "epoll_create1"); }

Status epoll_control(int epoll_fd, int operation, int fd, std::uint32_t events, std::uint64_t data) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  return status(raw::call(SYS_epoll_ctl, epoll_fd, operation, fd, &event), "epoll_ctl", strings::cat("descriptor ", fd));
}

Result<Fd> timer_fd() {
  return owned(raw::call(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create");
}

Status arm_timer(int timer_fd, std::chrono::nanoseconds delay) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  itimerspec when{};
  when.it_value.tv_sec = delay.count() / kSecond;
  when.it_value.tv_nsec = delay.count() % kSecond;
  return status(raw::call(SYS_timerfd_settime, timer_fd, 0, &when, nullptr), "timerfd_settime");
}

Result<std::size_t> poll(std::span<pollfd> entries, int timeout_ms) {
  long count = 0;
  do {
    timespec limit = {timeout_ms / 1000, (timeout_ms % 1000) * 1'000'000L};  // ppoll shortens it: made anew
    count = raw::call(SYS_ppoll, entries.data(), entries.size(), timeout_ms < 0 ? nullptr : &limit, nullptr, 8);
  } while (count == -EINTR);
  if (count < 0) return refusal(count, "poll", {});
  return static_cast<std::size_t>(count);
}

Result<std::size_t> epoll_wait(int epoll_fd, std::span<epoll_event> events, int timeout_ms) {
  const long count = retry(SYS_epoll_pwait, epoll_fd, events.data(), static_cast<int>(events.size()), timeout_ms, nullptr, 8);
  if (count < 0) return refusal(count, "epoll_wait", {});
  return static_cast<std::size_t>(count);
}

}  // namespace berth::sys
