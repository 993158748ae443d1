// Unix sockets with descriptors and credentials, and the event calls.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::sys {

Result<Fd> socket(int domain, int type, int protocol);
Result<std::pair<Fd, Fd>> socket_pair(int type);
// `name` is an abstract address without its leading NUL.
Status bind_abstract(int fd, std::string_view name);
Status connect_abstract(int fd, std::string_view name);
// `path` is that of a socket in the file system. EAGAIN of a non-blocking socket: its queue is full.
Status connect_path(int fd, const std::string& path);
Status listen(int fd, int backlog);
Result<Fd> accept(int fd);
Status shut_down(int fd, int how);  // SHUT_*

struct Received {
  std::size_t bytes = 0;  // 0 = the other end closed
  std::vector<Fd> descriptors;
  std::optional<ucred> credentials;           // when SO_PASSCRED is on
  std::optional<std::uint32_t> netlink_port;  // of the sender, on a netlink socket: 0 = the kernel
};
// Retries on EINTR. `flags` as recvmsg; MSG_CMSG_CLOEXEC is always added.
Result<Received> receive(int fd, std::span<std::byte> buffer, int flags = 0);
// Sends all of `data`, with `descriptors` and (when asked) this process's credentials. MSG_NOSIGNAL is always added.
Status send(int fd, std::span<const std::byte> data, std::span<const int> descriptors = {}, bool credentials = false,
            int flags = 0);
Result<ucred> peer_credentials(int fd);
Status set_option(int fd, int level, int option, int value);
// Index of the interface of that name, or alternative name, in the network namespace of any socket. ioctl SIOCGIFINDEX; ENODEV.
Result<int> interface_index(int socket_fd, const std::string& name);
// Transmit checksums of an interface are computed before a frame leaves it. ioctl SIOCETHTOOL.
Status switch_off_transmit_checksum(int socket_fd, const std::string& interface);
// SO_RCVTIMEO and SO_SNDTIMEO; 0 = for ever. What takes longer fails with EAGAIN.
Status set_time_limits(int fd, int seconds);

Result<Fd> epoll();
Status epoll_control(int epoll_fd, int operation, int fd, std::uint32_t events, std::uint64_t data);
// One-shot: readable once `delay` has passed (CLOCK_MONOTONIC); a delay of nought disarms it.
Result<Fd> timer_fd();
Status arm_timer(int timer_fd, std::chrono::nanoseconds delay);
// Retries on EINTR with the same time-out. -1 = forever. Returns how many entries have events.
Result<std::size_t> poll(std::span<pollfd> entries, int timeout_ms);
// Retries on EINTR. timeout in ms, -1 = forever. Returns how many entries of `events` are filled.
Result<std::size_t> epoll_wait(int epoll_fd, std::span<epoll_event> events, int timeout_ms);

}  // namespace berth::sys
