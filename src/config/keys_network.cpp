// Runs in: the command or library caller that reads configuration.
#include <algorithm>
#include <array>

#include "base/ip_address.hpp"
#include "config/codecs.hpp"
#include "config/key_sections.hpp"
#include "config/network_own_values.hpp"
#include "config/network_values.hpp"

namespace berth::config {
namespace {

using Value = std::pair<std::string, SourcedText>;

// What a check makes of a value: the text to keep, or nothing when it is wrong.
using Normal = std::optional<std::string> (*)(std::string_view);

NetworkConf* find_network(std::vector<NetworkConf>& networks, unsigned index) {
  const auto found = std::ranges::lower_bound(networks, index, {}, &NetworkConf::index);
  return found != networks.end() && found->index == index ? &*found : nullptr;
}
const NetworkConf* find_network(const Conf& conf, unsigned index) {
  return find_network(const_cast<Conf&>(conf).networks, index);
}

NetworkConf& ensure_network(Conf& conf, unsigned index) {
  const auto place = std::ranges::lower_bound(conf.networks, index, {}, &NetworkConf::index);
  if (place != conf.networks.end() && place->index == index) return *place;
  NetworkConf network;
  network.index = index;
  return *conf.networks.insert(place, std::move(network));
}

Status check_type(const Conf& conf, const KeyRef& ref) {
  const std::string_view owner = subkey_owner(ref.sub);
  if (owner.empty()) return {};
  const NetworkConf* network = find_network(conf, ref.index);
  if (network != nullptr && network->type == owner) return {};
  const std::string type_line = strings::cat("\"lxc.net.", ref.index, ".type = ", owner, "\"");
  const bool untyped = network == nullptr || network->type.empty();
  const std::string found = untyped ? "has no type yet" : strings::cat("is ", network->type);
  return fail(Error::message(strings::cat(ref.name, " is for networks of type ", owner, ", and lxc.net.", ref.index, " ", found))
                  .hint(untyped ? strings::cat("put ", type_line, " on an earlier line")
                                : strings::cat("remove the line, or make the network one of that type: ", type_line)));
}

void store(NetworkConf& network, const Assignment& assignment, std::string text) {
  Value value{std::string(assignment.ref.sub), {std::move(text), assignment.origin}};
  if (!assignment.ref.key->is(kList)) {
    const auto same = std::ranges::find(network.values, value.first, &Value::first);
    if (same != network.values.end()) {
      *same = std::move(value);
      return;
    }
  }
  network.values.push_back(std::move(value));
}

template <Normal Check>
Status set_value(Conf& conf, const Assignment& assignment) {
  TRY(check_type(conf, assignment.ref));
  auto text = Check(assignment.value);
  if (!text) return fail(bad_value(assignment, assignment.ref.key->syntax));
  store(ensure_network(conf, assignment.ref.index), assignment, std::move(*text));
  return {};
}

Error no_network(const KeyRef& ref) { return Error::message(strings::cat("there is no network lxc.net.", ref.index)); }

// What LXC's getter says of a subkey without a line, where it says anything.
std::string_view value_when_unset(std::string_view subkey) {
  if (subkey == "veth.mode" || subkey == "ipvlan.isolation") return "bridge";
  if (subkey == "macvlan.mode") return "private";
  if (subkey == "ipvlan.mode") return "l3";
  if (subkey == "l2proxy" || subkey == "vlan.id") return "0";
  return {};
}

// A line end between the entries only, as LXC does for addresses. A broadcast address is not shown.
Status get_value(const Conf& conf, const KeyRef& ref, TextWriter& out) {
  const NetworkConf* network = find_network(conf, ref.index);
  if (network == nullptr) return fail(no_network(ref));
  TRY(check_type(conf, ref));
  for (const auto& [subkey, value] : network->values) {
    if (subkey != ref.sub) continue;
    const std::string_view text = value.value;
    out.add(out.empty() ? "" : "\n", subkey == "ipv4.address" ? text.substr(0, text.find(' ')) : text);
  }
  if (out.empty()) out.add(value_when_unset(ref.sub));
  return {};
}

void clear_value(Conf& conf, const KeyRef& ref) {
  if (NetworkConf* network = find_network(conf.networks, ref.index)) {
    std::erase_if(network->values, [&](const Value& value) { return value.first == ref.sub; });
  }
}

template <Normal Check>
constexpr Codec value() {
  return {set_value<Check>, get_value, clear_value};
}

constexpr std::array<std::string_view, 7> kTypes = {"veth", "macvlan", "ipvlan", "vlan", "phys", "empty", "none"};

Status set_type(Conf& conf, const Assignment& assignment) {
  const std::string_view type = assignment.value;
  if (std::ranges::find(kTypes, type) == kTypes.end()) {
    Error error = bad_value(assignment, assignment.ref.key->syntax);
    const auto near = strings::nearest(type, kTypes);
    return fail(near ? std::move(error).hint(strings::cat("did you mean \"", *near, "\"?")) : std::move(error));
  }
  NetworkConf& network = ensure_network(conf, assignment.ref.index);
  if (network.type != type) {
    std::erase_if(network.values, [&](const Value& known) { return !type_has_subkey(type, known.first); });
  }
  network.type = type;
  network.origin = assignment.origin;
  return {};
}

Status get_type(const Conf& conf, const KeyRef& ref, TextWriter& out) {
  const NetworkConf* network = find_network(conf, ref.index);
  if (network == nullptr) return fail(no_network(ref));
  out.add(network->type);
  return {};
}

void clear_type(Conf& conf, const KeyRef& ref) {
  if (NetworkConf* network = find_network(conf.networks, ref.index)) network->type.clear();
}

Status get_types(const Conf& conf, const KeyRef& ref, TextWriter& out) {
  if (!ref.sub.empty()) return fail(strings::cat(ref.name, " has no value of its own; its subkeys have"));
  for (const NetworkConf& network : conf.networks) out.add(network.type, '\n');
  return {};
}

void clear_networks(Conf& conf, const KeyRef& ref) {
  std::erase_if(conf.networks, [&](const NetworkConf& network) { return ref.sub.empty() || network.index == ref.index; });
}

constexpr unsigned kLargestMtu = 0x7fffffff;

std::optional<std::string> keep(bool valid, std::string_view text) {
  return valid ? std::optional<std::string>(text) : std::nullopt;
}

std::optional<std::string> any_text(std::string_view text) { return std::string(text); }
// Any value raises the interface in LXC, "down" too; that one cannot be meant.
std::optional<std::string> up_flag(std::string_view text) {
  return text == "down" ? std::nullopt : std::optional<std::string>("up");
}
std::optional<std::string> interface_name(std::string_view text) { return keep(is_interface_name(text), text); }
std::optional<std::string> hardware_address(std::string_view text) { return keep(is_hardware_address_text(text), text); }

// In any of the forms of parse_integer; kept as a decimal number.
template <unsigned Low, unsigned High>
std::optional<std::string> in_range(std::string_view text) {
  const auto number = parse_integer(text);
  if (!number || *number < std::int64_t{Low} || *number > std::int64_t{High}) return std::nullopt;
  return strings::cat(*number);
}
std::optional<std::string> mtu(std::string_view text) {
  const auto number = strings::parse_number<unsigned>(text);
  return keep(number && *number >= 1 && *number <= kLargestMtu, text);
}
std::optional<std::string> vlan_or_none(std::string_view text) { return text == "none" ? "none" : in_range<0, 4094>(text); }

std::optional<std::string> ipv4_address(std::string_view text) {
  if (text == "auto") return std::string(text);
  const auto address = parse_ipv4_address(text);
  if (!address) return std::nullopt;
  return address->broadcast.empty() ? address->text : strings::cat(address->text, " ", address->broadcast);
}
std::optional<std::string> ipv6_address(std::string_view text) {
  if (text == "auto") return std::string(text);
  const auto address = parse_ipv6_address(text);
  return address ? std::optional(address->text) : std::nullopt;
}
std::optional<std::string> ipv4_gateway(std::string_view text) {
  return keep(text == "auto" || text == "dev" || is_ipv4(text), text);
}
std::optional<std::string> ipv6_gateway(std::string_view text) {
  if (text == "auto" || text == "dev") return std::string(text);
  const auto address = ip::parse_version6(text);
  return address ? std::optional(ip::format_version6(*address)) : std::nullopt;
}
std::optional<std::string> ipv4_route(std::string_view text) {
  const bool whole = text.find('/') != std::string_view::npos && text.find_first_of(strings::kBlanks) == std::string_view::npos;
  return keep(whole && parse_ipv4_address(text), text);
}
std::optional<std::string> ipv6_route(std::string_view text) {
  return keep(text.find('/') != std::string_view::npos && parse_ipv6_address(text), text);
}

std::optional<std::string> macvlan_mode(std::string_view text) {
  return keep(text == "private" || text == "vepa" || text == "bridge" || text == "passthru", text);
}
std::optional<std::string> ipvlan_mode(std::string_view text) {
  return keep(text == "l3" || text == "l3s" || text == "l2", text);
}
std::optional<std::string> ipvlan_isolation(std::string_view text) {
  return keep(text == "bridge" || text == "private" || text == "vepa", text);
}
std::optional<std::string> veth_mode(std::string_view text) { return keep(text == "bridge" || text == "router", text); }

std::optional<std::string> published_ports(std::string_view text) {
  const auto ports = parse_published_ports(text);
  return ports ? std::optional(ports->text()) : std::nullopt;
}
std::optional<std::string> rate(std::string_view text) {
  const auto bits = parse_rate(text);
  return bits ? std::optional(format_rate(*bits)) : std::nullopt;
}
std::optional<std::string> name_servers(std::string_view text) {
  const auto servers = parse_name_servers(text);
  return servers ? std::optional(servers->text()) : std::nullopt;
}

constexpr unsigned kMostQueues = 4096;  // the kernel's own bound

constexpr Key kRootKeys[] = {
    {.name = "lxc.net",
     .flags = kList | kPrefix,
     .codec = {nullptr, get_types, clear_networks},
     .syntax = "(empty)",
     .initial = "a network namespace with only the loopback interface",
     .documentation =
         "With an empty value, removes all networks; lxc.net.N with an empty value removes that one. The getter gives "
         "the types."},
};

constexpr Key kKeys[] = {
    {.name = "lxc.net.N.type",
     .codec = {set_type, get_type, clear_type},
     .syntax = "veth, macvlan, ipvlan, vlan, phys, empty or none",
     .example = "veth",
     .initial = "none: every network needs one",
     .documentation =
         "The kind of network N, before its other subkeys. veth: a pair of interfaces, one of them on the host; macvlan, "
         "ipvlan, vlan: an interface on top of a host's; phys: a host's interface itself; empty: only the loopback "
         "interface; none: the host's own network, as the only one."},
    {.name = "lxc.net.N.script.up",
     .codec = value<any_text>(),
     .syntax = "COMMAND [ARGUMENT...]",
     .example = "/usr/local/bin/net-up",
     .initial = "none",
     .documentation = "Runs on the host when the network has been made."},
    {.name = "lxc.net.N.script.down",
     .codec = value<any_text>(),
     .syntax = "COMMAND [ARGUMENT...]",
     .example = "/usr/local/bin/net-down",
     .initial = "none",
     .documentation = "Runs on the host before the network is removed."},
    {.name = "lxc.net.N.flags",
     .codec = value<up_flag>(),
     .syntax = "up",
     .example = "up",
     .initial = "down",
     .documentation = "up raises the interface inside."},
    {.name = "lxc.net.N.link",
     .codec = value<interface_name>(),
     .syntax = "the name of an interface (at most 15 characters)",
     .example = "lxcbr0",
     .initial = "none",
     .documentation =
         "The host's interface: for veth a bridge, for macvlan, ipvlan and vlan the one below, for phys the one that "
         "moves in (NAME+ takes the last whose name begins so)."},
    {.name = "lxc.net.N.l2proxy",
     .codec = value<in_range<0, 1>>(),
     .syntax = "0 or 1",
     .example = "1",
     .initial = "0",
     .since = "3.2",
     .documentation = "1 makes the host answer neighbour requests for the container's addresses on the interface of link."},
    {.name = "lxc.net.N.name",
     .codec = value<interface_name>(),
     .syntax = "the name of an interface (at most 15 characters)",
     .example = "eth0",
     .initial = "chosen by the kernel",
     .documentation = "The name of the interface inside."},
    {.name = "lxc.net.N.hwaddr",
     .codec = value<hardware_address>(),
     .syntax = "six pairs of hexadecimal digits with colons; x for a random digit",
     .example = "10:66:6a:01:02:03",
     .initial = "random",
     .documentation =
         "The hardware address. Each x is replaced by a random digit when the file is read, and the result is kept when "
         "the configuration is saved."},
    {.name = "lxc.net.N.mtu",
     .codec = value<mtu>(),
     .syntax = "a whole number of bytes",
     .example = "1500",
     .initial = "that of link",
     .documentation = "The largest packet that the interface sends."},
    {.name = "lxc.net.N.ipv6.address",
     .flags = kList,
     .codec = value<ipv6_address>(),
     .syntax = "ADDRESS[/LENGTH], or auto",
     .example = "2001:db8::2/64",
     .initial = "none",
     .documentation =
         "An IPv6 address of the interface inside; /64 when no length is given. auto, which LXC does not know: berth "
         "gives the container an address of its own in the network of the bridge of link, the same at every start."},
    {.name = "lxc.net.N.ipv6.gateway",
     .codec = value<ipv6_gateway>(),
     .syntax = "ADDRESS, auto or dev",
     .example = "2001:db8::1",
     .initial = "none",
     .documentation = "The IPv6 default route: an address, auto for the first address of link, dev for the interface itself."},
    {.name = "lxc.net.N.ipv4.address",
     .flags = kList,
     .codec = value<ipv4_address>(),
     .syntax = "ADDRESS[/LENGTH] [BROADCAST], or auto",
     .example = "10.0.3.2/24",
     .initial = "none",
     .documentation =
         "An IPv4 address of the interface inside. Without a length, that of the address class; the broadcast address is "
         "computed when none is given. auto, which LXC does not know: berth picks a free address in the network of the "
         "bridge of link and keeps it for the container until it is destroyed; nothing in the container asks for it."},
    {.name = "lxc.net.N.ipv4.gateway",
     .codec = value<ipv4_gateway>(),
     .syntax = "ADDRESS, auto or dev",
     .example = "10.0.3.1",
     .initial = "none",
     .documentation = "The IPv4 default route: an address, auto for the first address of link, dev for the interface itself."},
    {.name = "lxc.net.N.macvlan.mode",
     .codec = value<macvlan_mode>(),
     .syntax = "private, vepa, bridge or passthru",
     .example = "bridge",
     .initial = "private",
     .documentation =
         "How macvlan interfaces on the same link reach each other: not at all, through the switch outside, directly, or "
         "as the only one."},
    {.name = "lxc.net.N.ipvlan.mode",
     .codec = value<ipvlan_mode>(),
     .syntax = "l3, l3s or l2",
     .example = "l3s",
     .initial = "l3",
     .since = "3.2",
     .documentation = "At which layer an ipvlan interface works; l2proxy needs l3s."},
    {.name = "lxc.net.N.ipvlan.isolation",
     .codec = value<ipvlan_isolation>(),
     .syntax = "bridge, private or vepa",
     .example = "private",
     .initial = "bridge",
     .since = "3.2",
     .documentation = "How ipvlan interfaces on the same link reach each other."},
    {.name = "lxc.net.N.vlan.id",
     .codec = value<in_range<0, 4094>>(),
     .syntax = "a number from 0 to 4094",
     .example = "42",
     .initial = "0",
     .documentation = "The tag of the virtual LAN."},
    {.name = "lxc.net.N.veth.mode",
     .codec = value<veth_mode>(),
     .syntax = "bridge or router",
     .example = "router",
     .initial = "bridge",
     .since = "4.0",
     .documentation =
         "bridge: the host's end joins the bridge of link; router: the host routes the container's addresses to it."},
    {.name = "lxc.net.N.veth.pair",
     .codec = value<interface_name>(),
     .syntax = "the name of an interface (at most 15 characters)",
     .example = "web1-host",
     .initial = "vethXXXXXX",
     .documentation = "The name of the host's end. Ignored for ordinary users."},
    {.name = "lxc.net.N.veth.n_rxqueues",
     .codec = value<in_range<1, kMostQueues>>(),
     .syntax = "a number from 1 to 4096",
     .example = "4",
     .initial = "1",
     .since = "5.0",
     .documentation = "How many receive queues the pair has."},
    {.name = "lxc.net.N.veth.n_txqueues",
     .codec = value<in_range<1, kMostQueues>>(),
     .syntax = "a number from 1 to 4096",
     .example = "4",
     .initial = "1",
     .since = "5.0",
     .documentation = "How many send queues the pair has."},
    {.name = "lxc.net.N.veth.ipv4.route",
     .flags = kList,
     .codec = value<ipv4_route>(),
     .syntax = "ADDRESS/LENGTH",
     .example = "192.0.2.0/24",
     .initial = "none",
     .since = "3.2",
     .documentation = "An IPv4 route on the host that leads to the container."},
    {.name = "lxc.net.N.veth.ipv6.route",
     .flags = kList,
     .codec = value<ipv6_route>(),
     .syntax = "ADDRESS/LENGTH",
     .example = "2001:db8:1::/64",
     .initial = "none",
     .since = "3.2",
     .documentation = "An IPv6 route on the host that leads to the container."},
    {.name = "lxc.net.N.veth.vlan.id",
     .codec = value<vlan_or_none>(),
     .syntax = "a number from 0 to 4094, or none",
     .example = "42",
     .initial = "the bridge's",
     .since = "5.0",
     .documentation = "The untagged virtual LAN of the host's end on its bridge; none removes it from the default one."},
    {.name = "lxc.net.N.veth.vlan.tagged.id",
     .flags = kList,
     .codec = value<in_range<0, 4094>>(),
     .syntax = "a number from 0 to 4094",
     .example = "7",
     .initial = "none",
     .since = "5.0",
     .documentation = "A tagged virtual LAN of the host's end on its bridge."},
    {.name = "lxc.net.N.publish",
     .flags = kList,
     .codec = value<published_ports>(),
     .syntax = "[ADDRESS:]PORT[-PORT]:PORT[-PORT][/tcp|/udp]",
     .example = "8080:80/tcp",
     .initial = "none",
     .since = "berth",
     .documentation =
         "Ports of the host that lead to ports of the container as long as it runs: 8080:80 makes port 80 of the container "
         "reachable as port 8080 of every address of the host, 127.0.0.1:8080:80 or [fd00::1]:8080:80 as that of one. The "
         "container needs an ipv4.address or ipv6.address line for it, which auto is enough for."},
    {.name = "lxc.net.N.limit.ingress",
     .codec = value<rate>(),
     .syntax = "a rate from 1kbit to 1Tbit per second (10Mbit, 1.5Gbit, 800k)",
     .example = "100Mbit",
     .initial = "no limit",
     .since = "berth",
     .documentation =
         "The most that the container receives, in bits per second. Kept by the host, where the container can't lift it."},
    {.name = "lxc.net.N.limit.egress",
     .codec = value<rate>(),
     .syntax = "a rate from 1kbit to 1Tbit per second (10Mbit, 1.5Gbit, 800k)",
     .example = "20Mbit",
     .initial = "no limit",
     .since = "berth",
     .documentation =
         "The most that the container sends, in bits per second. Kept by the host, where the container can't lift it."},
    {.name = "lxc.net.N.dns",
     .codec = value<name_servers>(),
     .syntax = "auto, or up to three addresses",
     .example = "auto",
     .initial = "/etc/resolv.conf stays as it is",
     .since = "berth",
     .documentation =
         "Name servers that each start writes into the container's /etc/resolv.conf. auto: the first address of the bridge of "
         "link, where lxc-net answers."},
};

}  // namespace

std::span<const Key> network_root_keys() { return kRootKeys; }
std::span<const Key> network_keys() { return kKeys; }

}  // namespace berth::config
