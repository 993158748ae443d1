// What lxc-net shall do: the variables of LXC's settings files with their defaults, checked against one another.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "network/bridge_service/settings_file.hpp"
#include "network/bridge_service/subnet.hpp"

namespace berth::network::bridge_service {

using HardwareAddress = std::array<std::uint8_t, 6>;

struct Ipv4Service {
  ip::Version4 address{};
  Subnet4 network;
  ip::Version4 first{}, last{};  // what DHCP gives out
  std::string lease_time;        // as dnsmasq takes it; empty = its default
  unsigned most_leases = 0;
};

struct Ipv6Service {
  ip::Version6 address{};
  Subnet6 network;
  bool translated = false;  // NAT
  bool asked_for = false;   // by the settings, not by default: then it must work
};

struct BridgeSettings {
  bool wanted = true;  // USE_LXC_BRIDGE
  std::string bridge = "lxcbr0";
  HardwareAddress hardware_address{};
  Ipv4Service ipv4;
  std::optional<Ipv6Service> ipv6;
  std::string dnsmasq_configuration;  // a file; empty = none, not even the host's
  bool ping_before_offer = true;
  std::string domain;
  bool use_nft = true;
  std::string leases_file;
};

struct CheckedSettings {
  BridgeSettings settings;  // usable when there are no problems
  std::vector<SettingsProblem> problems;
  std::vector<std::string> warnings;
};

// `machine_id`: of /etc/machine-id, empty where there is none. It decides the IPv6 network when none is given.
CheckedSettings check_settings(const SettingsText& text, std::string_view machine_id);

// The same for the same settings, and for no others.
std::string settings_mark(const BridgeSettings& settings);

// A name that the kernel takes and that can be written into rules and paths: letters, digits, '-', '_' and '.'.
bool is_bridge_name(std::string_view name);
std::optional<HardwareAddress> parse_hardware_address(std::string_view text);
std::string format(const HardwareAddress& address);
// fdXX:XXXX:XXXX:YYYY::/64: X of the host, Y of the bridge. The same each time.
Subnet6 own_ipv6_network(std::string_view machine_id, std::string_view bridge);

}  // namespace berth::network::bridge_service
