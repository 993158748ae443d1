// Runs in: the starting command.
// Source of the layouts: rtnetlink(7), linux/neighbour.h.
#include "network/neighbours.hpp"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "network/section.hpp"
#include "os/netlink.hpp"
#include "sys/socket.hpp"

namespace berth::network {
namespace {

constexpr unsigned kAnswered = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;

std::size_t aligned(std::size_t size) { return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1}; }

// The payload of the attribute; empty: there is none.
std::span<const std::byte> attribute(std::span<const std::byte> bytes, unsigned type) {
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr head{};
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > bytes.size()) return {};
    if ((head.rta_type & NLA_TYPE_MASK) == type) return bytes.subspan(sizeof head, head.rta_len - sizeof head);
    bytes = bytes.subspan(std::min(aligned(head.rta_len), bytes.size()));
  }
  return {};
}

}  // namespace

std::optional<Neighbour> parse_neighbour(std::span<const std::byte> payload) {
  ndmsg body{};
  if (payload.size() < sizeof body) return std::nullopt;
  std::memcpy(&body, payload.data(), sizeof body);
  if ((body.ndm_state & kAnswered) == 0 || (body.ndm_family != AF_INET && body.ndm_family != AF_INET6)) return std::nullopt;
  Address address{.family = body.ndm_family};
  const auto value = attribute(payload.subspan(sizeof body), NDA_DST);
  if (value.size() != address.size()) return std::nullopt;
  std::memcpy(address.bytes.data(), value.data(), value.size());
  return Neighbour{body.ndm_ifindex, address.text()};
}

Result<std::vector<Neighbour>> neighbours() {
  const Fd fd = TRY(sys::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  struct {
    nlmsghdr head;
    ndmsg body;
  } request{};
  constexpr std::uint32_t kSequence = 1;
  request.head = {sizeof request, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, kSequence, 0};
  TRY(sys::send(fd.get(), std::as_bytes(std::span(&request, 1))));
  constexpr std::size_t kMost = 32768;  // what the kernel fills at most for a dump
  std::vector<std::byte> buffer(kMost);
  std::vector<Neighbour> found;
  const auto visit = [&found](std::uint16_t type, std::span<const std::byte> payload) {
    if (type != RTM_NEWNEIGH) return;
    if (auto neighbour = parse_neighbour(payload)) found.push_back(std::move(*neighbour));
  };
  for (;;) {
    const sys::Received received = TRY(sys::receive(fd.get(), buffer, MSG_TRUNC));
    if (received.bytes > buffer.size()) return fail(Error::from_errno(EMSGSIZE, "recvmsg", "netlink"));
    const auto reply = os::walk_netlink(std::span(std::as_const(buffer)).first(received.bytes), kSequence, visit);
    if (reply.error != 0) return fail(Error::from_errno(reply.error, "netlink").because(reply.reason));
    if (reply.finished) return found;
  }
}

}  // namespace berth::network
