// Runs in: lxc-net.
#include "network/bridge_service/clashes.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::network::bridge_service {
namespace {

constexpr std::uint16_t kDns = 53, kDhcp = 67, kDhcp6 = 547;
constexpr unsigned kRouteUp = 1;  // RTF_UP

std::optional<ip::Version6> parse_hex6(std::string_view text) {
  ip::Version6 address;
  if (text.size() != 2 * address.size()) return std::nullopt;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const auto byte = strings::parse_number<std::uint8_t>(text.substr(2 * i, 2), 16);
    if (!byte) return std::nullopt;
    address[i] = *byte;
  }
  return address;
}

// As the table writes it: the bytes in the order of the machine.
std::optional<ip::Version4> parse_hex4(std::string_view text) {
  const auto number = strings::parse_number<std::uint32_t>(text, 16);
  if (!number || text.size() != 8) return std::nullopt;
  return address_of(std::endian::native == std::endian::little ? std::byteswap(*number) : *number);
}

// Empty where the kernel has no such protocol.
Result<std::string> read_table(const std::string& path) {
  auto text = sys::read_file(path);
  if (!text && text.error().code() == ENOENT) return std::string();
  return text;
}

template <typename Network, typename Routes>
Status judge(const Network& own, const std::string& bridge, const Routes& routes, std::string_view hint,
             std::vector<std::string>& warnings) {
  for (const auto& route : routes) {
    if (route.interface == bridge || route.network.length == 0) continue;
    if (own.contains(route.network)) {
      return fail(Error::message(strings::cat("the network ", format(own), " is in use"), EADDRINUSE)
                      .because(strings::cat("this host reaches ", format(route.network), " over ", route.interface))
                      .hint(hint));
    }
    if (route.network.contains(own)) {
      warnings.push_back(strings::cat("what is in ", format(own), " behind ", route.interface, " (it leads to ",
                                      format(route.network), ") can't be reached while ", bridge, " has that network"));
    }
  }
  return {};
}

std::string free_hint(const std::vector<Route4>& routes) {
  const auto network = free_network(routes);
  if (!network) return "choose another one: LXC_ADDR, LXC_NETWORK and LXC_DHCP_RANGE in /etc/default/lxc-net";
  return strings::cat(format(*network), " is free: LXC_NETWORK=", format(*network),
                      " in /etc/default/lxc-net, without LXC_ADDR and LXC_DHCP_RANGE");
}

std::string_view service_of(std::uint16_t port) { return port == kDns ? "DNS" : port == kDhcp ? "DHCP" : "DHCP for IPv6"; }

bool is_any(const std::vector<std::uint8_t>& address) {
  return std::ranges::all_of(address, [](std::uint8_t byte) { return byte == 0; });
}

std::string address_text(const os::Listener& socket) {
  if (is_any(socket.address)) return "every address";
  if (socket.family == AF_INET && socket.address.size() == 4) {
    ip::Version4 address;
    std::ranges::copy(socket.address, address.begin());
    return format(address);
  }
  ip::Version6 address{};
  std::copy_n(socket.address.begin(), std::min(address.size(), socket.address.size()), address.begin());
  return format(address);
}

Error taken(const os::Listener& socket, const std::optional<std::string>& holder, const BridgeSettings& settings) {
  return Error::message(strings::cat("port ", socket.port, " (", service_of(socket.port), ") of ", settings.bridge, " is taken"),
                        EADDRINUSE)
      .because(strings::cat(holder ? *holder : std::string("a process that can't be seen from here"), " listens on ",
                            address_text(socket)))
      .hint(strings::cat("let it keep off ", settings.bridge, " (dnsmasq: 'bind-interfaces' and 'except-interface=",
                         settings.bridge, "' in its configuration), or stop it"));
}

}  // namespace

std::vector<Route4> parse_routes4(std::string_view table) {
  std::vector<Route4> routes;
  for (const std::string_view line : strings::split(table, '\n')) {
    const auto words = strings::split_words(line);
    if (words.size() < 8) continue;
    const auto base = parse_hex4(words[1]), mask = parse_hex4(words[7]);
    const auto flags = strings::parse_number<unsigned>(words[3], 16);
    if (!base || !mask || !flags || (*flags & kRouteUp) == 0) continue;
    routes.push_back({{*base, static_cast<unsigned>(std::popcount(number_of(*mask)))}, std::string(words[0])});
  }
  return routes;
}

std::vector<Route6> parse_routes6(std::string_view table) {
  std::vector<Route6> routes;
  for (const std::string_view line : strings::split(table, '\n')) {
    const auto words = strings::split_words(line);
    if (words.size() < 10 || words[9] == "lo") continue;
    const auto base = parse_hex6(words[0]);
    const auto length = strings::parse_number<unsigned>(words[1], 16);
    const bool shared = base && (base->front() == 0xff || (base->front() == 0xfe && ((*base)[1] & 0xc0) == 0x80));
    if (!base || !length || *length > Subnet6::kBits || shared) continue;
    routes.push_back({{*base, *length}, std::string(words[9])});
  }
  return routes;
}

Status judge_routes4(const BridgeSettings& settings, const std::vector<Route4>& routes, std::vector<std::string>& warnings) {
  return judge(settings.ipv4.network, settings.bridge, routes, free_hint(routes), warnings);
}

Status judge_routes6(const BridgeSettings& settings, const std::vector<Route6>& routes, std::vector<std::string>& warnings) {
  if (!settings.ipv6) return {};
  return judge(settings.ipv6->network, settings.bridge, routes,
               "set LXC_IPV6_ADDR to an address of another network in /etc/default/lxc-net", warnings);
}

Result<std::vector<Route4>> host_routes4() { return parse_routes4(TRY(read_table("/proc/self/net/route"))); }
Result<std::vector<Route6>> host_routes6() { return parse_routes6(TRY(read_table("/proc/self/net/ipv6_route"))); }

Status check_routes(const BridgeSettings& settings, std::vector<std::string>& warnings) {
  TRY(judge_routes4(settings, TRY(host_routes4()), warnings));
  return judge_routes6(settings, TRY(host_routes6()), warnings);
}

std::optional<Subnet4> free_network(const std::vector<Route4>& routes) {
  for (std::uint32_t third = 3; third < 256; ++third) {
    const Subnet4 candidate{{10, 0, static_cast<std::uint8_t>(third), 0}, 24};
    const bool used = std::ranges::any_of(routes, [&](const Route4& route) {
      return route.network.length != 0 && (route.network.contains(candidate) || candidate.contains(route.network));
    });
    if (!used) return candidate;
  }
  return std::nullopt;
}

bool stands_in_the_way(const os::Listener& other, const BridgeSettings& settings, int bridge_index, Suspicion suspicion) {
  const bool dns = other.port == kDns;
  const bool dhcp = other.port == kDhcp && other.protocol == IPPROTO_UDP && other.family == AF_INET;
  const bool dhcp6 = other.port == kDhcp6 && other.protocol == IPPROTO_UDP && settings.ipv6;
  if (!dns && !dhcp && !dhcp6) return false;
  if (other.interface != 0 && other.interface != bridge_index) return false;
  if (other.only_version6 && !settings.ipv6) return false;
  if (is_any(other.address)) return dns || other.interface == bridge_index || suspicion == Suspicion::kAny;
  if (other.family == AF_INET) return std::ranges::equal(other.address, settings.ipv4.address);
  return settings.ipv6 && std::ranges::equal(other.address, settings.ipv6->address);
}

Status check_ports(const BridgeSettings& settings, int bridge_index, Suspicion suspicion, pid_t own) {
  for (const os::Listener& socket : TRY(os::list_listeners())) {
    if (!stands_in_the_way(socket, settings, bridge_index, suspicion)) continue;
    const auto holder = os::holder_of_socket(socket.inode);
    if (own != 0 && holder && holder->ends_with(strings::cat("(pid ", own, ')'))) continue;
    return fail(taken(socket, holder, settings));
  }
  return {};
}

}  // namespace berth::network::bridge_service
