// What one lxc.net.N block asks for, in types. Written by plan from the configuration; a device reads nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace berth::network {

struct Address {
  int family = 0;                           // AF_INET, AF_INET6
  std::array<std::uint8_t, 16> bytes = {};  // network byte order; 4 of them count for AF_INET

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::string text() const;
  bool operator==(const Address&) const = default;
};
// "10.0.3.1", "fd00::1"; nothing for other text.
std::optional<Address> parse_address(std::string_view text);

struct Subnet {
  Address address;
  unsigned length = 0;               // bits
  std::optional<Address> broadcast;  // as configured; computed otherwise
  Origin origin;

  [[nodiscard]] bool contains(const Address& other) const;
};
// "10.0.3.7/24", length required.
std::optional<Subnet> parse_subnet(std::string_view text);
// The last address of an IPv4 subnet; none for /31 and /32, and for IPv6.
std::optional<Address> broadcast_of(const Subnet& subnet);

struct Gateway {
  enum class Kind : std::uint8_t { kNone, kAddress, kAutomatic, kDevice };
  Kind kind = Kind::kNone;
  Address address;  // kAddress
  Origin origin;
};

using HardwareAddress = std::array<std::uint8_t, 6>;
std::optional<HardwareAddress> parse_hardware_address(std::string_view text);

enum class VlanMembership : std::uint8_t { kBridgeDefault, kNone, kId };

// lxc.net.N.publish: `count` ports from host_first on lead to as many of the container, from container_first on.
struct PublishedPorts {
  std::string host_address;  // empty: any
  std::uint16_t host_first = 0, container_first = 0, count = 1;
  bool udp = false;
  Origin origin;
};

struct Section {
  unsigned index = 0;
  std::string type;
  Origin origin;          // of the type line
  std::string link;       // of the host; empty: none
  std::string name;       // inside; filled for each device that has one before devices are planned
  std::string host_name;  // veth.pair; empty: the device chooses
  std::optional<HardwareAddress> hwaddr;
  std::optional<std::uint32_t> mtu;  // bytes
  bool up = false, l2proxy = false;
  std::vector<Subnet> addresses;  // both families, in order
  Gateway gateway4, gateway6;
  std::string mode;                                          // of veth, macvlan, ipvlan
  std::string isolation;                                     // of ipvlan
  unsigned vlan_id = 0;                                      // vlan
  unsigned rx_queues = 0, tx_queues = 0;                     // veth; 0: the kernel's choice
  std::vector<Subnet> routes;                                // veth.ipvX.route
  VlanMembership untagged = VlanMembership::kBridgeDefault;  // veth.vlan.id
  unsigned untagged_id = 0;
  std::vector<unsigned> tagged;                  // veth.vlan.tagged.id
  std::optional<Origin> automatic4, automatic6;  // the lines that ask for an automatic address
  std::vector<PublishedPorts> published;
  std::uint64_t ingress_limit = 0, egress_limit = 0;  // bits per second, to and from the container; 0: none
  bool dns_of_bridge = false;
  std::vector<std::string> name_servers;
  std::map<std::string, Origin, std::less<>> origins;  // subkey -> its last line

  // Where a subkey was set; the type line when it was not.
  [[nodiscard]] const Origin& origin_of(std::string_view subkey) const;
};

}  // namespace berth::network
