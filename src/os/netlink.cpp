// Runs in: commands (lxc-info), and wherever a namespace's loopback must be raised.
#include "os/netlink.hpp"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include "base/strings.hpp"
#include "sys/socket.hpp"

namespace berth::os {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t align(std::size_t size) { return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1}; }

// Copies a fixed structure from the front and steps over it; nothing when the bytes end before.
template <typename T>
std::optional<T> take(Bytes& bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes = bytes.subspan(std::min(align(sizeof(T)), bytes.size()));
  return value;
}

// Calls visit(type, payload) for each attribute that lies within the bytes wholly.
template <typename Visit>
void each_attribute(Bytes bytes, Visit visit) {
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr head{};
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > bytes.size()) return;
    visit(head.rta_type & NLA_TYPE_MASK, bytes.subspan(sizeof head, head.rta_len - sizeof head));
    bytes = bytes.subspan(std::min(align(head.rta_len), bytes.size()));
  }
}

Link& link_of(int index, std::vector<Link>& links) {
  for (Link& link : links) {
    if (link.index == index) return link;
  }
  links.emplace_back().index = index;
  return links.back();
}

void take_link(Bytes payload, std::vector<Link>& links) {
  const auto head = take<ifinfomsg>(payload);
  if (!head) return;
  Link& link = link_of(head->ifi_index, links);
  link.up = (head->ifi_flags & IFF_UP) != 0;
  link.loopback = (head->ifi_flags & IFF_LOOPBACK) != 0;
  each_attribute(payload, [&](int type, Bytes value) {
    const char* text = reinterpret_cast<const char*>(value.data());
    if (type == IFLA_IFNAME) link.name.assign(text, ::strnlen(text, value.size()));
  });
}

std::string ipv4_text(Bytes value) {
  std::string text;
  for (const std::byte b : value) text += strings::cat(text.empty() ? "" : ".", std::to_integer<unsigned>(b));
  return text;
}

struct Run {
  std::size_t first = 0, length = 0;
};

Run longest_zero_run(const std::array<unsigned, 8>& groups) {
  Run best, now;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    now = groups[i] != 0 ? Run{i + 1, 0} : Run{now.first, now.length + 1};
    if (now.length > best.length) best = now;
  }
  return best.length >= 2 ? best : Run{};
}

// RFC 5952: lower case, the longest run of two or more zero groups as "::". IPv4-mapped addresses keep their hexadecimal groups.
std::string ipv6_text(Bytes value) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < value.size(); ++i) groups[i / 2] = groups[i / 2] << 8 | std::to_integer<unsigned>(value[i]);
  const Run gap = longest_zero_run(groups);
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (gap.length != 0 && i == gap.first) {
      text += "::";
      i += gap.length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    char digits[8];
    text.append(digits, std::to_chars(digits, digits + sizeof digits, groups[i], 16).ptr);
  }
  return text;
}

std::string address_text(int family, Bytes value) {
  constexpr std::size_t kIpv4Size = 4;
  constexpr std::size_t kIpv6Size = 16;
  if (family == AF_INET && value.size() == kIpv4Size) return ipv4_text(value);
  if (family == AF_INET6 && value.size() == kIpv6Size) return ipv6_text(value);
  return {};
}

void take_address(Bytes payload, std::vector<Link>& links) {
  const auto head = take<ifaddrmsg>(payload);
  if (!head) return;
  LinkAddress address{head->ifa_family, {}, head->ifa_prefixlen, head->ifa_scope};
  bool has_local = false;
  each_attribute(payload, [&](int type, Bytes value) {
    // On point-to-point links IFA_ADDRESS is the other end, IFA_LOCAL ours.
    if (type == IFA_LOCAL || (type == IFA_ADDRESS && !has_local)) address.text = address_text(head->ifa_family, value);
    has_local = has_local || type == IFA_LOCAL;
  });
  if (address.text.empty()) return;
  link_of(static_cast<int>(head->ifa_index), links).addresses.push_back(std::move(address));
}

int refusal_of(Bytes payload) {
  const auto code = take<int>(payload);
  return code ? -*code : EBADMSG;
}

ifinfomsg link_with_flags(int index, unsigned flags) {
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = flags;
  link.ifi_change = IFF_UP;
  return link;
}

}  // namespace

bool is_interface_name(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  return name.find_first_of(std::string_view("/: \t\n\v\f\r\0", 9)) == name.npos;
}

NetlinkReply parse_netlink(Bytes datagram, std::uint32_t sequence, std::vector<Link>* links) {
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr head{};
    std::memcpy(&head, datagram.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > datagram.size()) return {true, EBADMSG};
    const Bytes payload = datagram.subspan(sizeof head, head.nlmsg_len - sizeof head);
    datagram = datagram.subspan(std::min(align(head.nlmsg_len), datagram.size()));
    if (head.nlmsg_seq != sequence) continue;  // a late answer to something else
    if (head.nlmsg_type == NLMSG_ERROR) return {true, refusal_of(payload)};
    if (head.nlmsg_type == NLMSG_DONE) return {true, 0};
    if (links == nullptr) continue;
    if (head.nlmsg_type == RTM_NEWLINK) take_link(payload, *links);
    if (head.nlmsg_type == RTM_NEWADDR) take_address(payload, *links);
  }
  return {};
}

Result<Netlink> Netlink::open() {
  Fd fd = TRY(sys::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  return Netlink(std::move(fd));
}

Status Netlink::transact(Bytes request, std::vector<Link>* links) {
  TRY(sys::send(fd_.get(), request));
  constexpr std::size_t kMost = 32768;  // what the kernel fills at most for a dump
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(kMost);
  const std::span<std::byte> buffer(memory.get(), kMost);
  for (;;) {
    const sys::Received received = TRY(sys::receive(fd_.get(), buffer, MSG_TRUNC));
    if (received.bytes > buffer.size()) return fail(Error::from_errno(EMSGSIZE, "recvmsg", "netlink"));
    const NetlinkReply reply = parse_netlink(buffer.first(received.bytes), sequence_, links);
    if (reply.error != 0) return fail(Error::from_errno(reply.error, "netlink"));
    if (reply.finished) return {};
  }
}

Status Netlink::dump(std::uint16_t type, std::vector<Link>& links) {
  struct {
    nlmsghdr head;
    rtgenmsg body;
  } request{};
  request.head = {sizeof request, type, NLM_F_REQUEST | NLM_F_DUMP, ++sequence_, 0};
  request.body.rtgen_family = AF_UNSPEC;
  return transact(std::as_bytes(std::span(&request, 1)), &links);
}

Status Netlink::request(NetlinkMessage& message, std::string_view what, std::string_view object) {
  const Bytes bytes = message.bytes();
  std::vector<std::byte> numbered(bytes.begin(), bytes.end());
  ++sequence_;
  std::memcpy(numbered.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence_, sizeof sequence_);
  const Status done = transact(numbered, nullptr);
  if (!done) return fail(Error::from_errno(done.error().code(), what, object));
  return {};
}

Status Netlink::raise(int index) {
  NetlinkMessage message(RTM_NEWLINK, 0, link_with_flags(index, IFF_UP));
  return request(message, "netlink set up", strings::cat("interface ", index));
}

Status Netlink::raise(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) return fail(Error::from_errno(ENODEV, "netlink set up", name));
  NetlinkMessage message(RTM_NEWLINK, 0, link_with_flags(0, IFF_UP));
  message.add_text(IFLA_IFNAME, name);
  return request(message, "netlink set up", name);
}

Status Netlink::lower(int index) {
  NetlinkMessage message(RTM_NEWLINK, 0, link_with_flags(index, 0));
  return request(message, "netlink set down", strings::cat("interface ", index));
}

Status Netlink::move(int index, int there, const std::string& name) {
  ifinfomsg link{};
  link.ifi_index = index;
  NetlinkMessage message(RTM_NEWLINK, 0, link);
  message.add_value(IFLA_NET_NS_FD, static_cast<std::uint32_t>(there));
  message.add_text(IFLA_IFNAME, name);
  return request(message, "netlink move", name);
}

Result<std::vector<Link>> Netlink::links() {
  std::vector<Link> links;
  TRY_CONTEXT(dump(RTM_GETLINK, links), "listing network interfaces");
  TRY_CONTEXT(dump(RTM_GETADDR, links), "listing network addresses");
  std::erase_if(links, [](const Link& link) { return link.name.empty(); });  // came meanwhile
  return links;
}

Result<std::vector<Link>> Netlink::addressed_links() {
  constexpr int kLoopback = 1;  // in each network namespace (LOOPBACK_IFINDEX of the kernel)
  std::vector<Link> links;
  TRY_CONTEXT(dump(RTM_GETADDR, links), "listing network addresses");
  std::erase_if(links, [](const Link& link) { return link.index == kLoopback; });
  if (links.empty()) return links;
  TRY_CONTEXT(dump(RTM_GETLINK, links), "listing network interfaces");
  std::erase_if(links, [](const Link& link) { return link.addresses.empty() || link.name.empty(); });
  return links;
}

}  // namespace berth::os
