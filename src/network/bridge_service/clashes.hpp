// What of this host stands in the way of a bridge: a route to the same network, a program that has the ports.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/bridge_service/settings.hpp"
#include "os/listeners.hpp"

namespace berth::network::bridge_service {

struct Route4 {
  Subnet4 network;
  std::string interface;
  bool operator==(const Route4&) const = default;
};
struct Route6 {
  Subnet6 network;
  std::string interface;
  bool operator==(const Route6&) const = default;
};

// /proc/net/route and /proc/net/ipv6_route; lines that are none are passed over.
std::vector<Route4> parse_routes4(std::string_view table);
std::vector<Route6> parse_routes6(std::string_view table);
Result<std::vector<Route4>> host_routes4();
Result<std::vector<Route6>> host_routes6();

// Error: the network, or a part of it, is reached over another interface. A route that is wider than the network only loses to
// the bridge: `warnings` gets a line.
Status check_routes(const BridgeSettings& settings, std::vector<std::string>& warnings);
// The judgement of it, for one family each.
Status judge_routes4(const BridgeSettings& settings, const std::vector<Route4>& routes, std::vector<std::string>& warnings);
Status judge_routes6(const BridgeSettings& settings, const std::vector<Route6>& routes, std::vector<std::string>& warnings);
// 10.0.N.0/24 that no route overlaps, other than those in use; the first from 10.0.3.0 on.
std::optional<Subnet4> free_network(const std::vector<Route4>& routes);

// Servers of DHCP for other interfaces often share the port with one for the bridge alone, and sometimes not: they count when it
// is known that one is in the way.
enum class Suspicion { kCertain, kAny };
// Would a socket of ours on the bridge's address, or for the bridge alone, meet this one?
bool stands_in_the_way(const os::Listener& other, const BridgeSettings& settings, int bridge_index, Suspicion suspicion);
// Error: somebody but the process `own` (0: none) has port 53, 67 or 547 of the bridge's addresses; with who that is.
Status check_ports(const BridgeSettings& settings, int bridge_index, Suspicion suspicion, pid_t own);

}  // namespace berth::network::bridge_service
