// Runs in: the starting command.
#include <errno.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include <cstddef>

#include "base/strings.hpp"
#include "network/kinds.hpp"
#include "network/requests.hpp"
#include "sys/random.hpp"

namespace berth::network {
namespace {

// What the end on the host is plugged into.
enum class Plug : std::uint8_t { kNothing, kBridge, kOpenVswitch, kRouted };

// ovs-vsctl waits for ever where the switch does not run.
constexpr std::string_view kSwitchPatience = "--timeout=10";

struct Pair {
  const Section& section;
  std::string host_end;
  HardwareAddress host_address;
  Plug plug = Plug::kNothing;
  std::optional<std::uint32_t> mtu;
  unsigned default_vlan = 0;   // of the bridge
  bool in_user_space = false;  // the data path of the switch
};

// A bridge takes the lowest address of its ports for its own: the first byte 0xfe keeps it from changing with each container.
Result<HardwareAddress> choose_host_address() {
  HardwareAddress address{};
  TRY(sys::fill_random(std::as_writable_bytes(std::span(address))));
  address[0] = 0xfe;
  return address;
}

Status check_vlans(const Section& section, const os::LinkDetails& link) {
  if (section.untagged == VlanMembership::kBridgeDefault && section.tagged.empty()) return {};
  if (link.vlan_filtering) return {};
  const std::string_view subkey = section.tagged.empty() ? "veth.vlan.id" : "veth.vlan.tagged.id";
  return fail(Error::message(strings::cat("the bridge ", section.link, " does not look at VLAN tags"))
                  .set_by(section.origin_of(subkey))
                  .hint(strings::cat("switch it on: ip link set ", section.link, " type bridge vlan_filtering 1")));
}

Error no_bridge(const Section& section, const os::LinkDetails& link) {
  return Error::message(strings::cat(section.link, " is no bridge"), EINVAL)
      .because(link.kind.empty() ? std::string("it is hardware") : strings::cat("it is of the kind ", link.kind))
      .set_by(section.origin_of("link"))
      .hint(strings::cat("name a bridge in lxc.net.", section.index, ".link, or use type macvlan to share the interface"));
}

Status look_at_link(Pair& pair, const Host& host) {
  const Section& section = pair.section;
  if (section.mode == "router") {
    pair.plug = Plug::kRouted;
    if (!section.link.empty()) TRY(require_link(section, host));
    return {};
  }
  if (section.link.empty()) return {};
  const os::LinkDetails link = TRY(require_link(section, host));
  if (!pair.mtu && link.mtu != 0) pair.mtu = link.mtu;
  pair.default_vlan = link.default_vlan;
  if (link.kind == "bridge") {
    pair.plug = Plug::kBridge;
    return check_vlans(section, link);
  }
  // Its own interfaces are of the first kind with the kernel's data path, of the second with the one in user space.
  const bool possible = link.kind == "openvswitch" || link.kind == "tun";
  if (!possible || !TRY(host.is_open_vswitch(section.link))) return fail(no_bridge(section, link));
  pair.plug = Plug::kOpenVswitch;
  pair.in_user_space = link.kind == "tun";
  return {};
}

void describe_end(Request& request, const Pair& pair, const std::string& name) {
  request.message().add_text(IFLA_IFNAME, name);
  if (pair.mtu) request.message().add_value(IFLA_MTU, *pair.mtu);
  if (pair.section.rx_queues != 0) request.message().add_value(IFLA_NUM_RX_QUEUES, std::uint32_t{pair.section.rx_queues});
  if (pair.section.tx_queues != 0) request.message().add_value(IFLA_NUM_TX_QUEUES, std::uint32_t{pair.section.tx_queues});
}

// Both ends at once, each where it belongs: no end is ever seen elsewhere.
void make_pair(const Pair& pair, Recipe& recipe) {
  const Section& section = pair.section;
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  request.about("veth");
  describe_end(request, pair, pair.host_end);
  request.message().add_value(IFLA_ADDRESS, pair.host_address);
  if (pair.plug == Plug::kBridge) request.add_index(IFLA_MASTER, section.link);
  request.message().open(IFLA_LINKINFO);
  request.message().add_text(IFLA_INFO_KIND, "veth");
  request.message().open(IFLA_INFO_DATA);
  request.message().open(VETH_INFO_PEER);
  request.message().add_structure(ifinfomsg{});
  describe_end(request, pair, section.name);
  if (section.hwaddr) request.message().add_value(IFLA_ADDRESS, *section.hwaddr);
  request.add_namespace(IFLA_NET_NS_FD, Side::kContainer);
  for (int nest = 0; nest < 3; ++nest) request.message().close();
  const std::string where = pair.plug == Plug::kBridge ? strings::cat(" on ", section.link) : std::string();
  Entry& entry = recipe.add(std::move(request).act(
      Side::kHost, strings::cat("making the pair ", pair.host_end, " - ", section.name, where), pair.host_end, section.origin));
  entry.undo.push_back(delete_link(pair.host_end, section.origin));
  // A name that somebody chose may be wanted by the next start, of whichever container.
  entry.lazily_undone = section.host_name.empty();
}

// Frames cross the bridge; an address of the port itself would only be in the way.
void silence_version6(const Pair& pair, Recipe& recipe) {
  Act act = write_file(sysctl_path(AF_INET6, pair.host_end, "disable_ipv6"), "1",
                       strings::cat("switching IPv6 off on ", pair.host_end), pair.section.origin);
  act.forgiven = ENOENT;  // a kernel without IPv6
  recipe.add(std::move(act));
}

Act change_port_vlan(const Pair& pair, bool add, unsigned id, bool untagged, std::string_view subkey) {
  ifinfomsg body{};
  body.ifi_family = AF_BRIDGE;
  Request request(add ? RTM_SETLINK : RTM_DELLINK, 0, body);
  request.index_at(NLMSG_HDRLEN + offsetof(ifinfomsg, ifi_index), pair.host_end);
  request.about("virtual LAN");
  bridge_vlan_info vlan{};
  vlan.vid = static_cast<std::uint16_t>(id);
  if (untagged) vlan.flags = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;
  request.message().open(IFLA_AF_SPEC);
  request.message().add_value(IFLA_BRIDGE_VLAN_INFO, vlan);
  request.message().close();
  return std::move(request).act(
      Side::kHost, strings::cat(add ? "putting " : "taking ", pair.host_end, add ? " into" : " out of", " the virtual LAN ", id),
      pair.host_end, pair.section.origin_of(subkey));
}

void join_vlans(const Pair& pair, Recipe& recipe) {
  const Section& section = pair.section;
  if (section.untagged != VlanMembership::kBridgeDefault && pair.default_vlan != 0)
    recipe.add(change_port_vlan(pair, false, pair.default_vlan, true, "veth.vlan.id"));
  if (section.untagged == VlanMembership::kId)
    recipe.add(change_port_vlan(pair, true, section.untagged_id, true, "veth.vlan.id"));
  for (const unsigned id : section.tagged) recipe.add(change_port_vlan(pair, true, id, false, "veth.vlan.tagged.id"));
}

// In one transaction: a port of that name that a crash left behind would keep its old tags.
std::vector<std::string> switch_port(const Pair& pair) {
  const Section& section = pair.section;
  const std::string& end = pair.host_end;
  std::vector<std::string> words = {
      "ovs-vsctl", std::string(kSwitchPatience), "--", "--if-exists", "del-port", end, "--", "add-port", section.link, end};
  const bool untagged = section.untagged == VlanMembership::kId;
  if (untagged) words.push_back(strings::cat("tag=", section.untagged_id));
  std::string tags;
  for (const unsigned id : section.tagged) tags += strings::cat(tags.empty() ? "" : ",", id);
  if (!tags.empty()) words.push_back(strings::cat("trunks=", tags));
  if (untagged) words.emplace_back(tags.empty() ? "vlan_mode=access" : "vlan_mode=native-untagged");
  if (!untagged && (!tags.empty() || section.untagged == VlanMembership::kNone)) words.emplace_back("vlan_mode=trunk");
  return words;
}

// A data path in user space forwards frames as they are, and a veth leaves checksums out.
Act fill_in_checksums(const Section& section) {
  Act act;
  act.kind = Act::Kind::kNoTransmitChecksum;
  act.side = Side::kContainer;
  act.doing = strings::cat("letting ", section.name, " fill in its checksums");
  act.object = section.name;
  act.origin = section.origin_of("link");
  return act;
}

void join_switch(const Pair& pair, Recipe& recipe) {
  const Section& section = pair.section;
  Entry& entry =
      recipe.add(run_program(switch_port(pair), strings::cat("adding ", pair.host_end, " to the switch ", section.link),
                             section.link, section.origin_of("link")));
  entry.undo.push_back(run_program(
      {"ovs-vsctl", std::string(kSwitchPatience), "--no-wait", "--if-exists", "del-port", pair.host_end},
      strings::cat("removing ", pair.host_end, " from the switch ", section.link), section.link, section.origin_of("link")));
  entry.outlives = true;
  if (pair.in_user_space) recipe.add(fill_in_checksums(section));
}

bool has_family(const Section& section, int family) {
  for (const Subnet& subnet : section.addresses) {
    if (subnet.address.family == family) return true;
  }
  const Gateway& gateway = family == AF_INET ? section.gateway4 : section.gateway6;
  return gateway.kind != Gateway::Kind::kNone;
}

void set_router_switches(const Pair& pair, Recipe& recipe) {
  const auto write = [&](int family, std::string_view key) {
    recipe.add(write_file(sysctl_path(family, pair.host_end, key), "1", strings::cat("setting ", key, " of ", pair.host_end),
                          pair.section.origin_of("veth.mode")));
  };
  if (has_family(pair.section, AF_INET)) write(AF_INET, "forwarding");
  if (!has_family(pair.section, AF_INET6)) return;
  write(AF_INET6, "forwarding");
  write(AF_INET6, "proxy_ndp");
}

// The host leads the container's addresses to its end, and answers there for the gateways.
void route_addresses(const Pair& pair, Recipe& recipe) {
  for (const Subnet& subnet : pair.section.addresses) {
    const Subnet host_route{subnet.address, static_cast<unsigned>(subnet.address.size() * 8), std::nullopt, {}};
    recipe.add(change_route(Side::kHost, true, {host_route}, pair.host_end, subnet.origin));
  }
  for (const Gateway* gateway : {&pair.section.gateway4, &pair.section.gateway6}) {
    if (gateway->kind == Gateway::Kind::kAddress)
      recipe.add(change_proxy_neighbour(true, gateway->address, pair.host_end, gateway->origin));
  }
}

// Behind a bridge they lead to the bridge, which stays: they have to be removed.
void add_routes(const Pair& pair, Recipe& recipe) {
  const bool bridged = pair.plug == Plug::kBridge || pair.plug == Plug::kOpenVswitch;
  const std::string& device = bridged ? pair.section.link : pair.host_end;
  for (const Subnet& route : pair.section.routes) {
    Entry& entry = recipe.add(change_route(Side::kHost, true, {route}, device, route.origin));
    if (!bridged) continue;
    entry.undo.push_back(change_route(Side::kHost, false, {route}, device, route.origin));
    entry.outlives = true;
  }
}

}  // namespace

const Traits& Veth::traits() const {
  static constexpr Traits kTraits = {.type = "veth",
                                     .has_interface = true,
                                     .needs_link = false,
                                     .moves_link = false,
                                     .takes_auto_gateway = true,
                                     .draws_hwaddr = true};
  return kTraits;
}

Status Veth::plan(const Section& section, const Host& host, Recipe& recipe) const {
  Pair pair{.section = section,
            .host_end = section.host_name.empty() ? TRY(random_name("veth")) : section.host_name,
            .host_address = TRY(choose_host_address()),
            .mtu = section.mtu};
  TRY(look_at_link(pair, host));
  if (!section.host_name.empty() && TRY(host.find(section.host_name))) {
    return fail(Error::message(strings::cat("the host has an interface ", section.host_name, " already"), EEXIST)
                    .set_by(section.origin_of("veth.pair"))
                    .hint("choose another name for the pair, or remove the line"));
  }
  make_pair(pair, recipe);
  if (pair.plug == Plug::kBridge || pair.plug == Plug::kOpenVswitch) silence_version6(pair, recipe);
  if (pair.plug == Plug::kBridge) join_vlans(pair, recipe);
  if (pair.plug == Plug::kOpenVswitch) join_switch(pair, recipe);
  recipe.add(set_up(Side::kHost, pair.host_end, section.origin));
  if (pair.plug == Plug::kRouted) {
    set_router_switches(pair, recipe);
    route_addresses(pair, recipe);
  }
  add_routes(pair, recipe);
  recipe.host_end = pair.host_end;
  return {};
}

}  // namespace berth::network
