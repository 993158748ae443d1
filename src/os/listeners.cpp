// Runs in: lxc-net.
#include "os/listeners.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace berth::os {
namespace {

constexpr std::size_t kReplySize = 32768;

constexpr std::size_t align(std::size_t size) { return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1}; }

// An unconnected UDP socket has the state of a closed TCP one.
constexpr std::uint32_t states_of(int protocol) { return 1U << (protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE); }

// The byte of one attribute; 0 where it is not there.
std::uint8_t byte_attribute(std::span<const std::byte> attributes, unsigned short type) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr head{};
    std::memcpy(&head, attributes.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > attributes.size()) return 0;
    if (head.nla_type == type && head.nla_len > sizeof head) return std::to_integer<std::uint8_t>(attributes[sizeof head]);
    attributes = attributes.subspan(std::min(align(head.nla_len), attributes.size()));
  }
  return 0;
}

void take_socket(std::span<const std::byte> payload, int protocol, std::vector<Listener>& out) {
  inet_diag_msg message{};
  if (payload.size() < sizeof message) return;
  std::memcpy(&message, payload.data(), sizeof message);
  Listener& socket = out.emplace_back();
  socket.family = message.idiag_family;
  socket.protocol = protocol;
  socket.port = ntohs(message.id.idiag_sport);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(message.id.idiag_src);
  socket.address.assign(bytes, bytes + (socket.family == AF_INET ? 4 : 16));
  socket.interface = static_cast<int>(message.id.idiag_if);
  socket.inode = message.idiag_inode;
  const std::size_t body = std::min(align(sizeof message), payload.size());
  socket.only_version6 = byte_attribute(payload.subspan(body), INET_DIAG_SKV6ONLY) != 0;
}

Status ask(int fd, int family, int protocol, std::vector<Listener>& out) {
  struct {
    nlmsghdr head;
    inet_diag_req_v2 body;
  } request{};
  request.head = {sizeof request, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0};
  request.body.sdiag_family = static_cast<std::uint8_t>(family);
  request.body.sdiag_protocol = static_cast<std::uint8_t>(protocol);
  request.body.idiag_states = states_of(protocol);
  TRY(sys::send(fd, std::as_bytes(std::span(&request, 1))));
  std::vector<std::byte> buffer(kReplySize);
  for (;;) {
    const sys::Received received = TRY(sys::receive(fd, buffer));
    if (received.netlink_port != 0U) continue;  // no answer of the kernel
    const ListenersReply reply = parse_listeners(std::span(buffer).first(received.bytes), protocol, out);
    if (reply.error != 0) return fail(Error::from_errno(reply.error, "sock_diag"));
    if (reply.finished) return {};
  }
}

Result<std::string> name_of(const std::string& pid) {
  const std::string comm = TRY(sys::read_file(strings::cat("/proc/", pid, "/comm")));
  return strings::cat(strings::printable(strings::trim(comm)), " (pid ", pid, ")");
}

bool holds(const std::string& pid, const std::string& socket) {
  const std::string directory = strings::cat("/proc/", pid, "/fd");
  const auto entries = sys::list_directory(directory);
  if (!entries) return false;
  for (const sys::DirectoryEntry& entry : *entries) {
    const auto target = sys::read_link(strings::cat(directory, '/', entry.name));
    if (target && *target == socket) return true;
  }
  return false;
}

}  // namespace

ListenersReply parse_listeners(std::span<const std::byte> datagram, int protocol, std::vector<Listener>& out) {
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr head{};
    std::memcpy(&head, datagram.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > datagram.size()) return {true, EBADMSG};
    const auto payload = datagram.subspan(sizeof head, head.nlmsg_len - sizeof head);
    datagram = datagram.subspan(std::min(align(head.nlmsg_len), datagram.size()));
    if (head.nlmsg_type == NLMSG_DONE) return {true, 0};
    if (head.nlmsg_type == NLMSG_ERROR) {
      int code = -EBADMSG;
      if (payload.size() >= sizeof code) std::memcpy(&code, payload.data(), sizeof code);
      constexpr int kMostErrno = 4095;
      return {true, -std::clamp(code, -kMostErrno, 0)};
    }
    if (head.nlmsg_type == SOCK_DIAG_BY_FAMILY) take_socket(payload, protocol, out);
  }
  return {};
}

Result<std::vector<Listener>> list_listeners() {
  std::vector<Listener> found;
  for (const int protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    for (const int family : {AF_INET, AF_INET6}) {
      // A socket each: an answer that was given up can't be taken for the next one.
      const Fd fd = TRY(sys::socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
      TRY_CONTEXT(ask(fd.get(), family, protocol, found), "listing who listens on ports");
    }
  }
  return found;
}

std::optional<std::string> holder_of_socket(std::uint32_t inode) {
  const std::string socket = strings::cat("socket:[", inode, "]");
  const auto processes = sys::list_directory("/proc");
  if (!processes) return std::nullopt;
  for (const sys::DirectoryEntry& entry : *processes) {
    if (!strings::parse_number<int>(entry.name) || !holds(entry.name, socket)) continue;
    if (auto name = name_of(entry.name)) return std::move(*name);
  }
  return std::nullopt;
}

}  // namespace berth::os
