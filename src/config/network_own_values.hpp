// Values of the lxc.net.N subkeys that are berth's own: published ports, rates, name servers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::config {

// lxc.net.N.publish: ports of the host that lead to ports of the container.
struct PublishedPorts {
  std::string host_address;      // of the host, without brackets; empty: any of either version
  std::uint16_t host_first = 0;  // `count` ports from here on lead to as many from container_first
  std::uint16_t container_first = 0;
  std::uint16_t count = 1;
  bool udp = false;

  // "10.0.0.1:8080-8082:80-82/tcp": with its protocol always.
  [[nodiscard]] std::string text() const;
};
std::optional<PublishedPorts> parse_published_ports(std::string_view text);

inline constexpr std::uint64_t kSlowestRate = 1000, kFastestRate = 1'000'000'000'000;

// Bits per second from "10Mbit", "1.5G", "800k", "64Kibit": as tc(8) writes them, in any case. Its "bps", which are bytes, are
// not taken: too many people mean bits by them.
std::optional<std::uint64_t> parse_rate(std::string_view text);
// "1500Mbit": by the largest unit of ten that divides it.
std::string format_rate(std::uint64_t bits_per_second);

inline constexpr std::size_t kMostNameServers = 3;  // resolv.conf(5)

// "auto", or one to three addresses, each as format_version6 and the like write it.
struct NameServers {
  bool automatic = false;
  std::vector<std::string> addresses;

  [[nodiscard]] std::string text() const;
};
std::optional<NameServers> parse_name_servers(std::string_view text);

}  // namespace berth::config
