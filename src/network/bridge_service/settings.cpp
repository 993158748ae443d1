// Runs in: lxc-net.
#include "network/bridge_service/settings.hpp"

#include <algorithm>

#include "base/sha256.hpp"
#include "base/strings.hpp"
#include "os/netlink.hpp"

namespace berth::network::bridge_service {
namespace {

constexpr auto kVariables = std::to_array<std::string_view>(
    {"USE_LXC_BRIDGE", "LXC_BRIDGE", "LXC_BRIDGE_MAC", "LXC_ADDR", "LXC_NETMASK", "LXC_NETWORK", "LXC_DHCP_RANGE", "LXC_DHCP_MAX",
     "LXC_DHCP_CONFILE", "LXC_DHCP_PING", "LXC_DOMAIN", "LXC_USE_NFT", "LXC_IPV6_ENABLE", "LXC_IPV6_ADDR", "LXC_IPV6_MASK",
     "LXC_IPV6_NETWORK", "LXC_IPV6_NAT", "LXC_DHCP_LEASES"});
// Of the same files, and none of lxc-net's.
constexpr auto kOthers = std::to_array<std::string_view>(
    {"LXC_AUTO", "BOOTGROUPS", "SHUTDOWNDELAY", "OPTIONS", "STOPOPTS", "MIRROR", "LXC_SHUTDOWN_TIMEOUT"});

constexpr std::string_view kDefaultAddress = "10.0.3.1";
constexpr unsigned kDefaultLength4 = 24;
constexpr unsigned kShortest4 = 8, kLongest4 = 30;  // prefix lengths that leave an address for the bridge and one for a container
constexpr unsigned kLength6 = 64;                   // what addresses that interfaces give themselves need (RFC 4862)
constexpr std::uint32_t kMostLeases = 1U << 20;

bool is_domain_name(std::string_view text) {
  if (text.size() > 253) return false;
  for (const std::string_view label : strings::split(text, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
      if (!ok) return false;
    }
  }
  return true;
}

// "3600", "45m", "infinite"
bool is_lease_time(std::string_view text) {
  if (text == "infinite") return true;
  if (!text.empty() && std::string_view("smhdw").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  return strings::parse_number<std::uint32_t>(text).has_value();
}

bool is_absolute_path(std::string_view text) { return text.starts_with('/') && text.find_first_of("\n\0") == text.npos; }

// Not "this host", the loopback, multicast or what is behind it (RFC 6890).
bool is_of_hosts(const ip::Version4& address) { return address[0] != 0 && address[0] != 127 && address[0] < 224; }

// Not the network of ::1 and of IPv4 addresses in IPv6, link-local or multicast.
bool is_of_hosts(const ip::Version6& address) {
  const bool nothing = std::all_of(address.begin(), address.begin() + 8, [](std::uint8_t byte) { return byte == 0; });
  return !nothing && address[0] != 0xff && (address[0] != 0xfe || (address[1] & 0xc0) != 0x80);
}

class Checker {
 public:
  Checker(const SettingsText& text, std::string_view machine_id) : text_(text), machine_id_(machine_id) {
    result_.problems = text.problems;
  }

  CheckedSettings run() {
    warn_of_unknown();
    BridgeSettings& out = result_.settings;
    out.wanted = flag("USE_LXC_BRIDGE", true);
    take_bridge();
    take_ipv4();
    take_range();
    out.ping_before_offer = flag("LXC_DHCP_PING", true);
    out.use_nft = flag("LXC_USE_NFT", true);
    out.dnsmasq_configuration = path("LXC_DHCP_CONFILE", "");
    out.leases_file = path("LXC_DHCP_LEASES", strings::cat("/var/lib/misc/dnsmasq.", out.bridge, ".leases"));
    take_domain();
    take_ipv6();
    return std::move(result_);
  }

 private:
  // The assignment that counts; an empty value is that of a variable which is not set, as in LXC's files.
  const Assignment* given(std::string_view name) const {
    for (auto row = text_.assignments.rbegin(); row != text_.assignments.rend(); ++row) {
      if (row->name == name) return row->value.empty() ? nullptr : &*row;
    }
    return nullptr;
  }

  void problem(const Assignment& row, std::string_view expected) {
    result_.problems.push_back({row.origin, strings::cat(row.name, ": '", row.value, "' ", expected)});
  }

  void warn_of_unknown() {
    for (const Assignment& row : text_.assignments) {
      const bool ours = row.name.starts_with("LXC_");
      if (!ours || std::ranges::find(kVariables, row.name) != kVariables.end() ||
          std::ranges::find(kOthers, row.name) != kOthers.end())
        continue;
      const auto near = strings::nearest(row.name, kVariables);
      result_.warnings.push_back(strings::cat(row.origin.file, ':', row.origin.line, ": ", row.name,
                                              " is no variable of lxc-net; it is ignored",
                                              near ? strings::cat(". Did you mean ", *near, "?") : ""));
    }
  }

  bool flag(std::string_view name, bool otherwise) {
    const Assignment* row = given(name);
    if (row == nullptr) return otherwise;
    constexpr auto kTrue = std::to_array<std::string_view>({"true", "yes", "1", "on"});
    constexpr auto kFalse = std::to_array<std::string_view>({"false", "no", "0", "off"});
    if (std::ranges::find(kTrue, row->value) != kTrue.end()) return true;
    if (std::ranges::find(kFalse, row->value) != kFalse.end()) return false;
    problem(*row, "is neither true nor false");
    return otherwise;
  }

  std::string path(std::string_view name, std::string otherwise) {
    const Assignment* row = given(name);
    if (row == nullptr) return otherwise;
    if (!is_absolute_path(row->value)) problem(*row, "is not the whole path of a file, from '/'");
    return row->value;
  }

  void take_bridge() {
    BridgeSettings& out = result_.settings;
    if (const Assignment* row = given("LXC_BRIDGE")) {
      if (!is_bridge_name(row->value))
        problem(*row,
                "is not a name for a bridge: 1 to 15 letters, digits, '-', '_' or '.', as in lxcbr0; nor all, default or lo");
      out.bridge = row->value;
    }
    const Assignment* row = given("LXC_BRIDGE_MAC");
    const auto address = parse_hardware_address(row != nullptr ? row->value : "10:66:6a:00:00:00");
    if (!address)
      problem(*row, "is not a hardware address: six pairs of hexadecimal digits, as in 10:66:6a:00:00:00");
    else if ((address->front() & 1) != 0 || *address == HardwareAddress{})
      problem(*row, "is not the address of one interface: the first pair must be even, and not all of it 0");
    else
      out.hardware_address = *address;
  }

  // An invalid address is reported and stands for its default, so that what else is wrong is found as well.
  template <typename Value, typename Parse>
  std::optional<Value> parsed(std::string_view name, Parse parse, std::string_view expected) {
    const Assignment* row = given(name);
    if (row == nullptr) return std::nullopt;
    const std::optional<Value> value = parse(row->value);
    if (!value) problem(*row, expected);
    return value;
  }

  void take_ipv4() {
    Ipv4Service& out = result_.settings.ipv4;
    const auto network = parsed<Subnet4>("LXC_NETWORK", parse_subnet4, "is not an IPv4 network, as in 10.0.3.0/24");
    const auto mask = parsed<unsigned>("LXC_NETMASK", parse_netmask4, "is not a netmask, as in 255.255.255.0");
    const auto address = parsed<ip::Version4>("LXC_ADDR", ip::parse_version4, "is not an IPv4 address, as in 10.0.3.1");
    const unsigned length = network ? network->length : mask.value_or(kDefaultLength4);
    if (network && mask && *mask != network->length)
      problem(*given("LXC_NETMASK"),
              strings::cat("does not fit to LXC_NETWORK: /", network->length, " is ", format_netmask4(network->length)));
    if (length < kShortest4 || length > kLongest4)
      return problem(*given(network ? "LXC_NETWORK" : "LXC_NETMASK"), "leaves no room: /8 to /30 are possible");
    if (network && Subnet4::around(network->base, length) != *network)
      problem(*given("LXC_NETWORK"),
              strings::cat("has bits behind its prefix: the network is ", format(Subnet4::around(network->base, length))));
    else if (network && !is_of_hosts(network->base))
      problem(*given("LXC_NETWORK"), "is not a network of hosts, as 10.0.3.0/24 is");
    out.address = address ? *address : default_address(network, length);
    out.network = network ? Subnet4::around(network->base, length) : Subnet4::around(out.address, length);
    if (address) check_address(*given("LXC_ADDR"));
  }

  // The first of the network that is given; else LXC's.
  static ip::Version4 default_address(const std::optional<Subnet4>& network, unsigned length) {
    if (!network) return *ip::parse_version4(kDefaultAddress);
    return address_of(number_of(Subnet4::around(network->base, length).base) + 1);
  }

  void check_address(const Assignment& row) {
    const Ipv4Service& out = result_.settings.ipv4;
    if (!out.network.contains(out.address))
      problem(row, strings::cat("is not in the network ", format(out.network), " (LXC_NETWORK)"));
    else if (out.address == out.network.base || out.address == out.network.last())
      problem(row, strings::cat("is the network or the broadcast address of ", format(out.network)));
    else if (!is_of_hosts(out.address))
      problem(row, "is not the address of a host");
  }

  void take_range() {
    Ipv4Service& out = result_.settings.ipv4;
    if (out.network.length == 0) return;  // reported already
    const std::uint32_t base = number_of(out.network.base), end = number_of(out.network.last());
    // All but network, broadcast and what lies before the bridge's own address when that is the first one.
    out.first = address_of(base + (number_of(out.address) == base + 1 ? 2 : 1));
    out.last = address_of(end - 1);
    if (const Assignment* row = given("LXC_DHCP_RANGE")) read_range(*row);
    const std::uint32_t first = number_of(out.first), last = number_of(out.last), own = number_of(out.address);
    const std::uint32_t room = last - first + (own >= first && own <= last ? 0 : 1);
    out.most_leases = std::min(room, kMostLeases);
    const Assignment* row = given("LXC_DHCP_MAX");
    if (row == nullptr) return;
    const auto most = strings::parse_number<std::uint32_t>(row->value);
    if (!most || *most == 0 || *most > kMostLeases)
      problem(*row, strings::cat("is not a number of leases, 1 to ", kMostLeases));
    else
      out.most_leases = *most;
  }

  void read_range(const Assignment& row) {
    Ipv4Service& out = result_.settings.ipv4;
    constexpr std::string_view kForm = "is not a range FIRST,LAST of addresses, as in 10.0.3.2,10.0.3.254";
    const auto pieces = strings::split(row.value, ',');
    if (pieces.size() < 2 || pieces.size() > 3) return problem(row, kForm);
    const auto first = ip::parse_version4(strings::trim(pieces[0])), last = ip::parse_version4(strings::trim(pieces[1]));
    if (!first || !last) return problem(row, kForm);
    if (*first > *last) return problem(row, "ends before it begins");
    for (const ip::Version4& address : {*first, *last}) {
      if (!out.network.contains(address) || address == out.network.base || address == out.network.last())
        return problem(row, strings::cat("is not within the hosts of ", format(out.network), ": ", format(address), " is not"));
    }
    if (*first == *last && *first == out.address) return problem(row, "has no address but the bridge's own");
    if (pieces.size() == 3) {
      out.lease_time = std::string(strings::trim(pieces[2]));
      if (!is_lease_time(out.lease_time)) return problem(row, "has a lease time that is none: seconds, 45m, 12h or infinite");
    }
    out.first = *first;
    out.last = *last;
  }

  void take_domain() {
    const Assignment* row = given("LXC_DOMAIN");
    if (row == nullptr) return;
    if (!is_domain_name(row->value)) problem(*row, "is not a domain name, as in lxc or containers.example.org");
    result_.settings.domain = row->value;
  }

  void take_ipv6() {
    const bool named = given("LXC_IPV6_ADDR") != nullptr || given("LXC_IPV6_NETWORK") != nullptr;
    const bool enabled = flag("LXC_IPV6_ENABLE", true);
    const auto network = parsed<Subnet6>("LXC_IPV6_NETWORK", parse_subnet6, "is not an IPv6 network, as in fd00:1:2:3::/64");
    const auto length = parsed<unsigned>("LXC_IPV6_MASK", parse_length6, "is not a prefix length; 64 is what there is");
    const auto address = parsed<ip::Version6>("LXC_IPV6_ADDR", ip::parse_version6, "is not an IPv6 address, as in fd00:1:2:3::1");
    const Assignment* translated = given("LXC_IPV6_NAT");
    const bool wants_nat = flag("LXC_IPV6_NAT", false);
    if (length && *length != kLength6)
      problem(*given("LXC_IPV6_MASK"), "can't be: containers give themselves addresses in a /64 only");
    if (network) check_network6(*network);
    if (!enabled) return;
    Ipv6Service out;
    out.asked_for = named || given("LXC_IPV6_ENABLE") != nullptr;
    if (!named && machine_id_.empty()) return miss_machine_id(out.asked_for);
    out.network = network   ? Subnet6::around(network->base, kLength6)
                  : address ? Subnet6::around(*address, kLength6)
                            : own_ipv6_network(machine_id_, result_.settings.bridge);
    out.address = address.value_or(first_of(out.network));
    if (address) check_address6(out);
    const bool local = (out.network.base[0] & 0xfe) == 0xfc;  // fc00::/7, which nobody outside routes
    out.translated = translated != nullptr ? wants_nat : local;
    result_.settings.ipv6 = out;
  }

  static std::optional<unsigned> parse_length6(std::string_view text) {
    if (text.starts_with('/')) text.remove_prefix(1);
    const auto length = strings::parse_number<unsigned>(text);
    return length && *length <= Subnet6::kBits ? length : std::nullopt;
  }

  static ip::Version6 first_of(const Subnet6& network) {
    ip::Version6 address = network.base;
    address.back() = 1;
    return address;
  }

  void check_network6(const Subnet6& network) {
    const Assignment& row = *given("LXC_IPV6_NETWORK");
    if (network.length != kLength6)
      problem(row, "can't be: containers give themselves addresses in a /64 only");
    else if (Subnet6::around(network.base, network.length) != network)
      problem(row,
              strings::cat("has bits behind its prefix: the network is ", format(Subnet6::around(network.base, network.length))));
    else if (!is_of_hosts(network.base))
      problem(row, "is a multicast, link-local or otherwise reserved network; one that can be routed is needed");
  }

  void check_address6(const Ipv6Service& out) {
    const Assignment& row = *given("LXC_IPV6_ADDR");
    if (!out.network.contains(out.address))
      problem(row, strings::cat("is not in the network ", format(out.network), " (LXC_IPV6_NETWORK)"));
    else if (out.address == out.network.base)
      problem(row, "is the address of the network; its first one is free");
    else if (!is_of_hosts(out.address))
      problem(row, "is a multicast, link-local or otherwise reserved address; one that can be routed is needed");
  }

  void miss_machine_id(bool asked_for) {
    constexpr std::string_view kWhy = "/etc/machine-id is missing, which the IPv6 network would be made of";
    if (!asked_for) return result_.warnings.push_back(strings::cat("no IPv6 on the bridge: ", kWhy));
    result_.problems.push_back({given("LXC_IPV6_ENABLE")->origin,
                                strings::cat("LXC_IPV6_ENABLE: ", kWhy, "; set LXC_IPV6_ADDR, or run systemd-machine-id-setup")});
  }

  const SettingsText& text_;
  std::string_view machine_id_;
  CheckedSettings result_;
};

}  // namespace

CheckedSettings check_settings(const SettingsText& text, std::string_view machine_id) { return Checker(text, machine_id).run(); }

std::string settings_mark(const BridgeSettings& settings) {
  const Ipv4Service& v4 = settings.ipv4;
  std::string text = strings::cat(format(settings.hardware_address), '\n', format(v4.address), '\n', format(v4.network), '\n',
                                  format(v4.first), '\n', format(v4.last), '\n', v4.lease_time, '\n', v4.most_leases, '\n');
  if (settings.ipv6)
    text += strings::cat(format(settings.ipv6->address), '\n', format(settings.ipv6->network), '\n',
                         settings.ipv6->translated ? "nat" : "", '\n');
  text += strings::cat(settings.dnsmasq_configuration, '\n', settings.ping_before_offer ? "ping" : "", '\n', settings.domain,
                       '\n', settings.use_nft ? "nft" : "", '\n', settings.leases_file);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string mark;
  for (const std::uint8_t byte : sha256(text)) mark += strings::cat(kDigits[byte >> 4], kDigits[byte & 15]);
  return mark;
}

bool is_bridge_name(std::string_view name) {
  if (!os::is_interface_name(name) || name.front() == '-') return false;
  if (name == "all" || name == "default" || name == "lo") return false;  // what /proc/sys/net has beside interfaces; the loopback
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

std::optional<HardwareAddress> parse_hardware_address(std::string_view text) {
  const auto pieces = strings::split(text, ':');
  HardwareAddress address;
  if (pieces.size() != address.size()) return std::nullopt;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const auto part = strings::parse_number<std::uint8_t>(pieces[i], 16);
    if (!part || pieces[i].size() != 2) return std::nullopt;
    address[i] = *part;
  }
  return address;
}

std::string format(const HardwareAddress& address) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : address) text += strings::cat(text.empty() ? "" : ":", kDigits[byte >> 4], kDigits[byte & 15]);
  return text;
}

Subnet6 own_ipv6_network(std::string_view machine_id, std::string_view bridge) {
  const auto host = sha256(machine_id), local = sha256(bridge);
  Subnet6 network{{0xfd}, kLength6};
  std::copy_n(host.begin(), 5, network.base.begin() + 1);
  std::copy_n(local.begin(), 2, network.base.begin() + 6);
  return network;
}

}  // namespace berth::network::bridge_service
