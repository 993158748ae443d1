// Runs in: commands (lxc-info), and wherever a namespace's loopback must be raised.
#include "os/netlink.hpp"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include "base/ip_address.hpp"
#include "base/strings.hpp"
#include "sys/random.hpp"
#include "sys/socket.hpp"

namespace berth::os {
namespace {

using Bytes = std::span<const std::byte>;

constexpr int kMostErrno = 4095;  // of the kernel (MAX_ERRNO)

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

// Up to the first NUL.
std::string text_of(Bytes value) {
  const char* text = reinterpret_cast<const char*>(value.data());
  return {text, ::strnlen(text, value.size())};
}

std::optional<LinkCounters> counters_of(Bytes value) {
  // Kernels add members at the end; what is read here has been there from the beginning (2.6.35).
  struct Head {
    std::uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped, tx_dropped;
  };
  const auto head = take<Head>(value);
  if (!head) return std::nullopt;
  return LinkCounters{head->rx_bytes,  head->tx_bytes,  head->rx_packets, head->tx_packets,
                      head->rx_errors, head->tx_errors, head->rx_dropped, head->tx_dropped};
}

void take_link_attribute(int type, Bytes value, Link& link) {
  switch (type) {
    case IFLA_IFNAME:
      link.name = text_of(value);
      break;
    case IFLA_IFALIAS:
      link.alias = text_of(value);
      break;
    case IFLA_MASTER:
      link.master = take<int>(value).value_or(0);
      break;
    case IFLA_LINK:
      link.below = take<int>(value).value_or(0);
      break;
    case IFLA_STATS64:
      link.counters = counters_of(value);
      break;
    case IFLA_LINKINFO:
      each_attribute(value, [&](int inner, Bytes text) {
        if (inner == IFLA_INFO_KIND) link.kind = text_of(text);
      });
      break;
    case IFLA_PROP_LIST:
      each_attribute(value, [&](int inner, Bytes text) {
        if (inner == IFLA_ALT_IFNAME) link.other_names.push_back(text_of(text));
      });
      break;
    default:
      break;
  }
}

void take_link(Bytes payload, std::vector<Link>& links) {
  const auto head = take<ifinfomsg>(payload);
  if (!head) return;
  Link& link = link_of(head->ifi_index, links);
  link.up = (head->ifi_flags & IFF_UP) != 0;
  link.loopback = (head->ifi_flags & IFF_LOOPBACK) != 0;
  link.other_names.clear();
  each_attribute(payload, [&](int type, Bytes value) { take_link_attribute(type, value, link); });
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
  const Bytes whole = payload;
  const auto head = take<ifaddrmsg>(payload);
  if (!head) return;
  LinkAddress address{head->ifa_family, {}, head->ifa_prefixlen, head->ifa_scope, {}};
  bool has_local = false;
  each_attribute(payload, [&](int type, Bytes value) {
    // On point-to-point links IFA_ADDRESS is the other end, IFA_LOCAL ours.
    if (type == IFA_LOCAL || (type == IFA_ADDRESS && !has_local)) address.text = address_text(head->ifa_family, value);
    if (type == IFA_BROADCAST) address.broadcast = address_text(head->ifa_family, value);
    has_local = has_local || type == IFA_LOCAL;
  });
  if (address.text.empty()) return;
  address.raw.assign(whole.begin(), whole.end());
  address.temporary = head->ifa_family == AF_INET6 && (head->ifa_flags & IFA_F_TEMPORARY) != 0;
  link_of(static_cast<int>(head->ifa_index), links).addresses.push_back(std::move(address));
}

// struct nlmsgerr, then perhaps the refused request, then perhaps attributes with the kernel's words.
NetlinkReply refusal_of(const nlmsghdr& head, Bytes payload) {
  const auto refusal = take<nlmsgerr>(payload);
  if (!refusal) return {true, EBADMSG, {}};
  NetlinkReply reply{true, -std::clamp(refusal->error, -kMostErrno, 0), {}};
  if ((head.nlmsg_flags & NLM_F_ACK_TLVS) == 0 || reply.error == 0) return reply;
  if ((head.nlmsg_flags & NLM_F_CAPPED) == 0) {
    const std::size_t echoed =
        align(refusal->msg.nlmsg_len) - std::min<std::size_t>(align(refusal->msg.nlmsg_len), sizeof(nlmsghdr));
    payload = payload.subspan(std::min(echoed, payload.size()));
  }
  each_attribute(payload, [&](int type, Bytes value) {
    const char* text = reinterpret_cast<const char*>(value.data());
    if (type == NLMSGERR_ATTR_MSG) reply.reason = strings::printable({text, ::strnlen(text, value.size())});
  });
  return reply;
}

template <typename T>
T number_of(Bytes value) {
  T number{};
  if (value.size() >= sizeof number) std::memcpy(&number, value.data(), sizeof number);
  return number;
}

void take_bridge_data(Bytes data, LinkDetails& link) {
  each_attribute(data, [&](int type, Bytes value) {
    if (type == IFLA_BR_VLAN_FILTERING) link.vlan_filtering = number_of<std::uint8_t>(value) != 0;
    if (type == IFLA_BR_VLAN_DEFAULT_PVID) link.default_vlan = number_of<std::uint16_t>(value);
  });
}

// The link's kind is known by now.
void take_kind_data(Bytes info, LinkDetails& link) {
  each_attribute(info, [&](int type, Bytes value) {
    if (type == IFLA_INFO_DATA && link.kind == "bridge") take_bridge_data(value, link);
  });
}

ifinfomsg link_with_flags(int index, unsigned flags) {
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = flags;
  link.ifi_change = IFF_UP;
  return link;
}

}  // namespace

LinkDetails parse_link_details(Bytes payload) {
  LinkDetails link;
  std::vector<Link> links;
  take_link(payload, links);
  if (links.empty()) return link;
  static_cast<Link&>(link) = std::move(links.front());
  take<ifinfomsg>(payload);
  each_attribute(payload, [&](int type, Bytes value) {
    if (type == IFLA_MTU) link.mtu = number_of<std::uint32_t>(value);
    if (type == IFLA_ADDRESS) link.hardware_address.assign(value.begin(), value.end());
    if (type == IFLA_LINKINFO) take_kind_data(value, link);
  });
  return link;
}

bool is_interface_name(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  return name.find_first_of(std::string_view("/: \t\n\v\f\r\0", 9)) == name.npos;
}

NetlinkMessage same_address_again(const LinkAddress& address) {
  Bytes rest = address.raw;
  auto body = take<ifaddrmsg>(rest).value_or(ifaddrmsg{});
  body.ifa_index = 0;
  NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body);
  each_attribute(rest, [&message](int type, Bytes value) {
    const bool taken = type == IFA_ADDRESS || type == IFA_LOCAL || type == IFA_LABEL || type == IFA_BROADCAST ||
                       type == IFA_FLAGS || type == IFA_CACHEINFO || type == IFA_RT_PRIORITY;
    if (taken) message.add(static_cast<std::uint16_t>(type), value);
  });
  return message;
}

NetlinkReply walk_netlink(Bytes datagram, std::uint32_t sequence, const NetlinkVisit& visit) {
  NetlinkReply reply;
  while (datagram.size() >= sizeof(nlmsghdr) && !reply.finished) {
    nlmsghdr head{};
    std::memcpy(&head, datagram.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > datagram.size()) return {true, EBADMSG, {}};
    const Bytes payload = datagram.subspan(sizeof head, head.nlmsg_len - sizeof head);
    datagram = datagram.subspan(std::min(align(head.nlmsg_len), datagram.size()));
    if (head.nlmsg_seq != sequence) continue;  // a late answer to something else
    if (head.nlmsg_type == NLMSG_ERROR) return refusal_of(head, payload);
    reply.interrupted = reply.interrupted || (head.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    reply.finished = head.nlmsg_type == NLMSG_DONE;
    if (reply.finished) reply.error = -std::clamp(number_of<std::int32_t>(payload), -kMostErrno, 0);  // of a dump that broke off
    if (!reply.finished && visit) visit(head.nlmsg_type, payload);
  }
  return reply;
}

NetlinkReply parse_netlink(Bytes datagram, std::uint32_t sequence, std::vector<Link>* links) {
  return walk_netlink(datagram, sequence, [links](std::uint16_t type, Bytes payload) {
    if (links == nullptr) return;
    if (type == RTM_NEWLINK) take_link(payload, *links);
    if (type == RTM_NEWADDR) take_address(payload, *links);
  });
}

Result<Netlink> Netlink::open() {
  Fd fd = TRY(sys::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  // Wishes: older kernels tell less.
  for (const int wish : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
    [[maybe_unused]] const Status ignored = sys::set_option(fd.get(), SOL_NETLINK, wish, 1);
  }
  return Netlink(std::move(fd));
}

// Processes with CAP_NET_ADMIN in the network namespace, a container's own among them, can write to the socket too: an answer is
// one of the kernel's port. That the numbers can't be guessed guards where they start at random; without, the port does.
Netlink::Netlink(Fd fd) : fd_(std::move(fd)) {
  [[maybe_unused]] const Status drawn = sys::fill_random(std::as_writable_bytes(std::span(&sequence_, 1)));
}

Result<bool> Netlink::transact(Bytes request, const NetlinkVisit& visit) {
  TRY(sys::send(fd_.get(), request));
  constexpr std::size_t kMost = 32768;  // what the kernel fills at most for a dump
  std::vector<std::byte> buffer(kMost);
  bool interrupted = false;
  for (;;) {
    const sys::Received received = TRY(sys::receive(fd_.get(), buffer, MSG_TRUNC));
    if (!received.netlink_port) return fail(Error::from_errno(EPROTO, "recvmsg", "netlink"));
    if (*received.netlink_port != 0) continue;  // no answer of the kernel
    if (received.bytes > buffer.size()) return fail(Error::from_errno(EMSGSIZE, "recvmsg", "netlink"));
    const NetlinkReply reply = walk_netlink(Bytes(buffer).first(received.bytes), sequence_, visit);
    if (reply.error != 0) return fail(Error::from_errno(reply.error, "netlink").because(reply.reason));
    interrupted = interrupted || reply.interrupted;
    if (reply.finished) return interrupted;
  }
}

Status Netlink::dump(std::uint16_t type, std::vector<Link>& links, int index) {
  constexpr int kMostAttempts = 10;
  // Strict checking wants the whole structure of the type.
  struct {
    nlmsghdr head;
    union {
      ifinfomsg link;
      ifaddrmsg address;
    };
  } request{};
  const std::size_t body = type == RTM_GETLINK ? sizeof(ifinfomsg) : sizeof(ifaddrmsg);
  const auto size = static_cast<std::uint32_t>(sizeof(nlmsghdr) + body);
  if (type == RTM_GETADDR) request.address.ifa_index = static_cast<unsigned>(index);
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    request.head = {size, type, NLM_F_REQUEST | NLM_F_DUMP, ++sequence_, 0};
    std::vector<Link> told = links;
    const bool changed =
        TRY(transact(std::as_bytes(std::span(&request, 1)).first(size), [&told](std::uint16_t kind, Bytes payload) {
          if (kind == RTM_NEWLINK) take_link(payload, told);
          if (kind == RTM_NEWADDR) take_address(payload, told);
        }));
    if (changed) continue;
    links = std::move(told);
    return {};
  }
  return fail(Error::from_errno(EAGAIN, "netlink").because("they change all the time").hint("try again"));
}

Status Netlink::request(NetlinkMessage& message, std::string_view what, std::string_view object) {
  return request(message.bytes(), what, object);
}

Status Netlink::request(Bytes message, std::string_view what, std::string_view object) {
  std::vector<std::byte> numbered(message.begin(), message.end());
  if (numbered.size() < sizeof(nlmsghdr)) return fail(Error::from_errno(EBADMSG, what, object));
  ++sequence_;
  std::memcpy(numbered.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence_, sizeof sequence_);
  const Result<bool> done = transact(numbered, {});
  if (!done)
    return fail(Error::from_errno(done.error().code(), what, strings::printable(object)).because(done.error().because()));
  return {};
}

Result<std::optional<LinkDetails>> Netlink::find(const std::string& name, std::uint16_t attribute) {
  NetlinkMessage question(RTM_GETLINK, 0, ifinfomsg{});
  question.add_text(attribute, name);
  const Bytes bytes = question.bytes();
  std::vector<std::byte> numbered(bytes.begin(), bytes.end());
  ++sequence_;
  std::memcpy(numbered.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence_, sizeof sequence_);
  std::optional<LinkDetails> found;
  const Result<bool> asked = transact(numbered, [&found](std::uint16_t type, Bytes payload) {
    if (type == RTM_NEWLINK) found = parse_link_details(payload);
  });
  if (!asked && asked.error().code() != ENODEV)
    return fail(Error::from_errno(asked.error().code(), "netlink", strings::printable(name)));
  return found;
}

Result<std::optional<LinkDetails>> Netlink::find(const std::string& name) {
  if (name.empty() || name.size() >= ALTIFNAMSIZ) return std::optional<LinkDetails>();
  if (name.size() < IFNAMSIZ) {
    auto found = TRY(find(name, IFLA_IFNAME));
    if (found) return found;
  }
  return find(name, IFLA_ALT_IFNAME);
}

Result<std::vector<LinkAddress>> Netlink::addresses_of(int index) {
  std::vector<Link> links;
  Status listed = dump(RTM_GETADDR, links, index);
  if (!listed && listed.error().code() == ENODEV) return std::vector<LinkAddress>();
  TRY_CONTEXT(std::move(listed), "listing network addresses");
  for (Link& link : links) {
    if (link.index == index) return std::move(link.addresses);
  }
  return std::vector<LinkAddress>();
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

Status Netlink::rename(int index, const std::string& name) {
  ifinfomsg link{};
  link.ifi_index = index;
  NetlinkMessage message(RTM_NEWLINK, 0, link);
  message.add_text(IFLA_IFNAME, name);
  return request(message, "netlink rename", name);
}

Status Netlink::set_alias(int index, const std::string& alias) {
  ifinfomsg link{};
  link.ifi_index = index;
  NetlinkMessage message(RTM_NEWLINK, 0, link);
  message.add(IFLA_IFALIAS, std::as_bytes(std::span(alias)));
  return request(message, "netlink set alias", strings::cat("interface ", index));
}

Status Netlink::add_other_name(int index, const std::string& name) {
  ifinfomsg link{};
  link.ifi_index = index;
  NetlinkMessage message(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, link);
  message.open(IFLA_PROP_LIST);
  message.add_text(IFLA_ALT_IFNAME, name);
  message.close();
  return request(message, "netlink add name", name);
}

Status Netlink::add_address(int index, const LinkAddress& address) {
  ifaddrmsg body{};
  body.ifa_family = static_cast<std::uint8_t>(address.family);
  body.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix_length);
  body.ifa_scope = static_cast<std::uint8_t>(address.scope);
  body.ifa_index = static_cast<unsigned>(index);
  NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body);
  const auto add = [&](const auto& bytes) {
    message.add_value(IFA_LOCAL, bytes);
    message.add_value(IFA_ADDRESS, bytes);
  };
  if (const auto version4 = ip::parse_version4(address.text); version4 && address.family == AF_INET)
    add(*version4);
  else if (const auto version6 = ip::parse_version6(address.text); version6 && address.family == AF_INET6)
    add(*version6);
  return request(message, "netlink add address", address.text);
}

Result<std::vector<Link>> Netlink::links() {
  std::vector<Link> links;
  TRY_CONTEXT(dump(RTM_GETLINK, links), "listing network interfaces");
  TRY_CONTEXT(dump(RTM_GETADDR, links), "listing network addresses");
  std::erase_if(links, [](const Link& link) { return link.name.empty(); });  // came meanwhile
  return links;
}

Result<std::vector<Link>> Netlink::bare_links() {
  std::vector<Link> links;
  TRY_CONTEXT(dump(RTM_GETLINK, links), "listing network interfaces");
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
