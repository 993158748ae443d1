// The little of rtnetlink(7) that the foundation needs, without a library: raise a link, list links with their addresses.
// Everything concerns the network namespace in which the socket was opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "os/netlink_message.hpp"

namespace berth::os {

struct LinkAddress {
  int family = 0;    // AF_INET, AF_INET6
  std::string text;  // "10.0.3.7", "fd00::1"
  unsigned prefix_length = 0;
  unsigned scope = 0;               // RT_SCOPE_UNIVERSE = 0, RT_SCOPE_LINK = 253, RT_SCOPE_HOST = 254
  std::string broadcast = {};       // empty: none
  bool temporary = false;           // the kernel's own, of IPv6 privacy extensions
  std::vector<std::byte> raw = {};  // ifaddrmsg and attributes, as the kernel told them
};

// Since the interface was made, as it sees them: what it received and what it sent.
struct LinkCounters {
  std::uint64_t rx_bytes = 0, tx_bytes = 0;
  std::uint64_t rx_packets = 0, tx_packets = 0;
  std::uint64_t rx_errors = 0, tx_errors = 0;
  std::uint64_t rx_dropped = 0, tx_dropped = 0;
};

struct Link {
  int index = 0;
  std::string name;
  bool up = false;        // IFF_UP
  bool loopback = false;  // IFF_LOOPBACK
  std::vector<LinkAddress> addresses;
  int master = 0;                             // index of the bridge or the like that it belongs to; 0 = none
  std::string kind = {};                      // "bridge", "veth", "tun"; empty = a device of the machine
  std::string alias = {};                     // IFLA_IFALIAS: a note of whoever manages it
  std::vector<std::string> other_names = {};  // IFLA_ALT_IFNAME
  // The interface it stands on, or a veth's other end: its index in the network namespace where that is. 0 = none.
  int below = 0;
  std::optional<LinkCounters> counters = {};  // nothing: the kernel told none
};

// One interface in full.
struct LinkDetails : Link {
  std::uint32_t mtu = 0;
  std::vector<std::byte> hardware_address;
  bool vlan_filtering = false;     // of a bridge
  std::uint16_t default_vlan = 0;  // of a bridge: the one that ports join untagged; 0 = none
};

// A request that makes an address with peer, label, flags, lifetimes and metric as they were; the index in its body is 0.
NetlinkMessage same_address_again(const LinkAddress& address);

// Called with the type (RTM_*) and what follows the header of each message.
using NetlinkVisit = std::function<void(std::uint16_t type, std::span<const std::byte> payload)>;

class Netlink {
 public:
  static Result<Netlink> open();
  // A NETLINK_ROUTE socket that was made elsewhere, in another network namespace.
  static Netlink adopt(Fd fd) { return Netlink(std::move(fd)); }
  [[nodiscard]] Fd release() && { return std::move(fd_); }

  Status raise(int index);
  Status raise(const std::string& name);
  Status lower(int index);
  // Into the network namespace `there`, under `name`. Should that name be taken, the link can already be there under its own.
  Status move(int index, int there, const std::string& name);
  // Another name of an interface that is down.
  Status rename(int index, const std::string& name);
  // IFLA_IFALIAS: a note of 255 bytes at most, which goes with the interface wherever it is moved; empty = none.
  Status set_alias(int index, const std::string& alias);
  // One more IFLA_ALT_IFNAME.
  Status add_other_name(int index, const std::string& name);
  Status add_address(int index, const LinkAddress& address);
  // Sends a request that the kernel answers by yes or no. `what` and `object` name it in the error: "netlink add bridge",
  // "lxcbr0".
  Status request(NetlinkMessage& message, std::string_view what, std::string_view object);
  // The same for a finished request; its sequence number is replaced.
  Status request(std::span<const std::byte> message, std::string_view what, std::string_view object);
  // By name or alternative name; nothing when there is none.
  Result<std::optional<LinkDetails>> find(const std::string& name);
  // None, too, when there is no such interface.
  Result<std::vector<LinkAddress>> addresses_of(int index);
  // All links in the order of the kernel, each with its addresses.
  Result<std::vector<Link>> links();
  // The same without addresses: one question less.
  Result<std::vector<Link>> bare_links();
  // Links that have addresses, without the kernel's loopback; costs one question where there are none.
  Result<std::vector<Link>> addressed_links();

 private:
  explicit Netlink(Fd fd);
  // True: what was dumped changed meanwhile, and the answer can lack something.
  Result<bool> transact(std::span<const std::byte> request, const NetlinkVisit& visit);
  Result<std::optional<LinkDetails>> find(const std::string& name, std::uint16_t attribute);
  // Of the interface `index` only, where that is not 0 and the kernel can; for RTM_GETADDR.
  Status dump(std::uint16_t type, std::vector<Link>& links, int index = 0);

  Fd fd_;
  std::uint32_t sequence_ = 0;  // of the last request
};

// 1 to 15 bytes without '/', ':' and blanks, and not "." or "..": what the kernel takes.
bool is_interface_name(std::string_view name);

// What one datagram of the kernel says. Pure, and safe on any bytes; for Netlink and for tests. Links and addresses are joined by
// the link's index, whichever comes first; a link of which only addresses are known has no name.
struct NetlinkReply {
  bool finished = false;     // acknowledged, refused, or end of a dump
  int error = 0;             // errno
  std::string reason;        // of a refusal, in the kernel's words, printable; mostly empty
  bool interrupted = false;  // what is dumped changed meanwhile: NLM_F_DUMP_INTR
};
NetlinkReply walk_netlink(std::span<const std::byte> datagram, std::uint32_t sequence, const NetlinkVisit& visit);
// What follows the header of an RTM_NEWLINK message.
LinkDetails parse_link_details(std::span<const std::byte> payload);
// The same with the links of what was dumped.
NetlinkReply parse_netlink(std::span<const std::byte> datagram, std::uint32_t sequence, std::vector<Link>* links);

}  // namespace berth::os
