// Runs in: the starting command.
// What all kinds of network have in common, and which names their interfaces get.
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/strings.hpp"
#include "network/device.hpp"
#include "network/kinds.hpp"
#include "network/requests.hpp"
#include "sys/file.hpp"

namespace berth::network {
namespace {

std::string key_of(const Section& section, std::string_view subkey) {
  return strings::cat("lxc.net.", section.index, '.', subkey);
}

std::string_view address_subkey(int family) { return family == AF_INET ? "ipv4.address" : "ipv6.address"; }

bool has_address(const Section& section, int family) {
  return std::ranges::any_of(section.addresses, [family](const Subnet& subnet) { return subnet.address.family == family; });
}

Status check_gateway(const Section& section, const Traits& traits, const Gateway& gateway, int family) {
  if (gateway.kind == Gateway::Kind::kNone) return {};
  const auto refuse = [&](std::string why, std::string hint) {
    return fail(Error::message(std::move(why)).set_by(gateway.origin).hint(hint));
  };
  if (!section.up)
    return refuse(strings::cat("a gateway needs the interface ", section.name, " to be up"),
                  strings::cat("add ", key_of(section, "flags"), " = up"));
  if (gateway.kind != Gateway::Kind::kDevice && !has_address(section, family))
    return refuse("a gateway needs an address of the same family", strings::cat("add ", key_of(section, address_subkey(family))));
  if (gateway.kind != Gateway::Kind::kAutomatic) return {};
  if (!traits.takes_auto_gateway)
    return refuse(strings::cat("networks of type ", section.type, " have no automatic gateway"), "name its address");
  if (section.link.empty())
    return refuse("the automatic gateway is an address of the link, and there is no link",
                  strings::cat("add ", key_of(section, "link"), ", or name the gateway's address"));
  return {};
}

Status check(const Section& section, const Traits& traits) {
  if (!traits.has_interface && (!section.addresses.empty() || section.gateway4.kind != Gateway::Kind::kNone ||
                                section.gateway6.kind != Gateway::Kind::kNone)) {
    return fail(Error::message(strings::cat("a network of type ", section.type, " has no interface that could have addresses"))
                    .set_by(section.origin)
                    .hint("use type veth, or remove its addresses and gateways"));
  }
  TRY(check_gateway(section, traits, section.gateway4, AF_INET));
  return check_gateway(section, traits, section.gateway6, AF_INET6);
}

Result<Address> first_address(const Section& section, const Host& host, const Gateway& gateway, int family) {
  const os::LinkDetails link = TRY(require_link(section, host));
  std::optional<Address> local;  // of the link only: no good from elsewhere, but a gateway for IPv6
  for (const os::LinkAddress& known : TRY(host.addresses_of(link.index))) {
    const auto address = known.family == family ? parse_address(known.text) : std::nullopt;
    if (address && known.scope != RT_SCOPE_LINK) return *address;
    if (address && !local) local = address;
  }
  if (local) return *local;
  const std::string_view words = family == AF_INET ? "IPv4" : "IPv6";
  return fail(
      Error::message(strings::cat(section.link, " has no ", words, " address that could be the gateway"), EADDRNOTAVAIL)
          .set_by(gateway.origin)
          .hint(strings::cat("give it one: ip addr add ADDRESS/LENGTH dev ", section.link, ", or name the gateway's address")));
}

bool reaches(const Section& section, const Address& gateway) {
  constexpr std::uint8_t kLinkLocal[2] = {0xfe, 0x80};
  if (gateway.family == AF_INET6 && gateway.bytes[0] == kLinkLocal[0] && (gateway.bytes[1] & 0xc0) == kLinkLocal[1]) return true;
  return std::ranges::any_of(section.addresses, [&gateway](const Subnet& subnet) { return subnet.contains(gateway); });
}

// With a host's address (/32, /128) a gateway elsewhere is what was meant.
bool only_host_addresses(const Section& section, int family) {
  return std::ranges::all_of(section.addresses, [family](const Subnet& subnet) {
    return subnet.address.family != family || subnet.length == subnet.address.size() * 8;
  });
}

// As LXC: a gateway outside of the interface's networks is taken to be on the link.
void reach_gateway(const Section& section, const Gateway& gateway, const Address& address, Recipe& recipe) {
  if (reaches(section, address)) return;
  recipe.add(change_route(Side::kContainer, true, {{address, static_cast<unsigned>(address.size() * 8), std::nullopt, {}}},
                          section.name, gateway.origin));
  if (only_host_addresses(section, address.family)) return;
  recipe.warnings.push_back(strings::cat(
      "the gateway ", address.text(), " of lxc.net.", section.index, " (", gateway.origin.file, ":", gateway.origin.line,
      ") is in none of the networks of its addresses; it is looked for on ", section.name, " directly"));
}

Status add_gateway(const Section& section, const Host& host, const Gateway& gateway, int family, Recipe& recipe) {
  if (gateway.kind == Gateway::Kind::kNone) return {};
  const Subnet everything{{.family = family}, 0, std::nullopt, {}};
  if (gateway.kind == Gateway::Kind::kDevice) {
    recipe.add(change_route(Side::kContainer, true, {everything}, section.name, gateway.origin));
    return {};
  }
  const Address address =
      gateway.kind == Gateway::Kind::kAddress ? gateway.address : TRY(first_address(section, host, gateway, family));
  reach_gateway(section, gateway, address, recipe);
  recipe.add(change_route(Side::kContainer, true, {everything, &address}, section.name, gateway.origin));
  return {};
}

Status require_switch(const Section& section, int family, std::string_view key) {
  const std::string path = sysctl_path(family, section.link, key);
  const auto value = sys::read_file(path);
  if (value && strings::trim(*value) == "1") return {};
  return fail(Error::message(strings::cat("l2proxy needs ", key, " of ", section.link, " to be on"))
                  .set_by(section.origin_of("l2proxy"))
                  .hint(strings::cat("echo 1 > ", path)));
}

// An ipvlan interface has the link's hardware address: the host answers for the container's addresses only when it has a route to
// them that leads elsewhere.
void add_proxy(const Section& section, const Subnet& subnet, Recipe& recipe) {
  Entry& entry = recipe.add(change_proxy_neighbour(true, subnet.address, section.link, section.origin_of("l2proxy")));
  entry.undo.push_back(change_proxy_neighbour(false, subnet.address, section.link, section.origin_of("l2proxy")));
  entry.outlives = true;
  if (section.type != "ipvlan") return;
  const Subnet host_route{subnet.address, static_cast<unsigned>(subnet.address.size() * 8), std::nullopt, {}};
  Entry& route = recipe.add(change_route(Side::kHost, true, {host_route}, "lo", section.origin_of("l2proxy")));
  route.undo.push_back(change_route(Side::kHost, false, {host_route}, "lo", section.origin_of("l2proxy")));
  route.outlives = true;
}

Status add_proxies(const Section& section, Recipe& recipe) {
  if (!section.l2proxy) return {};
  if (section.link.empty())
    return fail(Error::message("l2proxy answers on the link, and there is no link")
                    .set_by(section.origin_of("l2proxy"))
                    .hint(strings::cat("add ", key_of(section, "link"))));
  if (section.type == "ipvlan" && section.mode != "l3s")
    return fail(Error::message(strings::cat("l2proxy of an ipvlan network needs the mode l3s, and it is ", section.mode))
                    .set_by(section.origin_of("l2proxy"))
                    .hint(strings::cat("set ", key_of(section, "ipvlan.mode"), " = l3s")));
  if (has_address(section, AF_INET)) TRY(require_switch(section, AF_INET, "forwarding"));
  if (has_address(section, AF_INET6)) {
    TRY(require_switch(section, AF_INET6, "proxy_ndp"));
    TRY(require_switch(section, AF_INET6, "forwarding"));
  }
  for (const Subnet& subnet : section.addresses) add_proxy(section, subnet, recipe);
  return {};
}

// The last of the host's interfaces whose name begins so.
Status resolve_prefix(Section& section, const Host& host) {
  const std::string prefix = section.link.substr(0, section.link.size() - 1);
  std::string found;
  for (const std::string& name : TRY(host.names())) {
    if (name.starts_with(prefix)) found = name;
  }
  if (found.empty()) {
    return fail(Error::message(strings::cat("the host has no interface whose name begins with ", prefix), ENODEV)
                    .set_by(section.origin_of("link"))
                    .hint("ip link shows those there are"));
  }
  section.link = found;
  return {};
}

// A name that the kernel takes for something else.
Status check_name(const Section& section) {
  const bool taken = section.name == "lo" || section.name == "all" || section.name == "default";
  if (!taken && section.name.find('%') == std::string::npos) return {};
  return fail(Error::message(strings::cat("an interface can't be called ", section.name))
                  .because(section.name == "lo" ? "the loopback interface has that name"
                           : taken              ? "settings of all interfaces have that name"
                                                : "the kernel puts a number in the place of %d")
                  .set_by(section.origin_of("name"))
                  .hint(strings::cat("set another ", key_of(section, "name"), ", or remove the line")));
}

Status claim_name(const Section& section, std::span<const Section> earlier) {
  for (const Section& other : earlier) {
    if (other.name != section.name || section.name.empty()) continue;
    return fail(Error::message(strings::cat("lxc.net.", other.index, " and lxc.net.", section.index,
                                            " both call their interface ", section.name),
                               EEXIST)
                    .set_by(section.origin_of("name"))
                    .hint(strings::cat("set another ", key_of(section, "name"))));
  }
  return {};
}

Status claim_link(const Section& section, const Traits& traits, std::span<const Section> earlier) {
  if (!traits.moves_link) return {};
  for (const Section& other : earlier) {
    if (other.type != section.type || other.link != section.link) continue;
    return fail(
        Error::message(strings::cat("lxc.net.", other.index, " and lxc.net.", section.index, " both move ", section.link, " in"),
                       EEXIST)
            .set_by(section.origin_of("link"))
            .hint("remove one of them"));
  }
  return {};
}

std::string free_name(std::span<const Section> sections) {
  for (unsigned number = 0;; ++number) {
    std::string name = strings::cat("eth", number);
    if (std::ranges::find(sections, name, &Section::name) == sections.end()) return name;
  }
}

}  // namespace

Result<os::LinkDetails> require_link(const Section& section, const Host& host) {
  if (section.link.empty()) {
    return fail(Error::message(strings::cat("a network of type ", section.type, " needs a link"))
                    .set_by(section.origin)
                    .hint(strings::cat("name an interface of the host: ", key_of(section, "link"), " = eth0")));
  }
  auto link = TRY(host.find(section.link));
  if (link) return std::move(*link);
  const bool wants_bridge = section.type == "veth";
  Error error = Error::message(strings::cat("the host has no ", wants_bridge ? "bridge " : "interface ", section.link), ENODEV)
                    .set_by(section.origin_of("link"));
  if (!wants_bridge) return fail(std::move(error).hint("ip link shows those there are"));
  if (section.link == "lxcbr0") return fail(std::move(error).hint("make it: lxc-net start"));
  return fail(std::move(error).hint(
      strings::cat("make it: ip link add ", section.link, " type bridge && ip link set ", section.link, " up")));
}

Status assign_names(std::span<Section> sections, const Host& host) {
  for (std::size_t i = 0; i < sections.size(); ++i) {
    Section& section = sections[i];
    const Traits& traits = TRY(find_device(section.type))->traits();
    // Files of /proc/sys and rules of firewalls know the first name alone.
    if (const auto link = TRY(host.find(section.link))) section.link = link->name;
    if (traits.moves_link && section.link.ends_with('+')) TRY(resolve_prefix(section, host));
    if (traits.moves_link && section.name.empty()) section.name = section.link;
    TRY(claim_link(section, traits, sections.first(i)));
    TRY(check_name(section));
    TRY(claim_name(section, sections.first(i)));
  }
  for (Section& section : sections) {
    if (section.name.empty() && TRY(find_device(section.type))->traits().has_interface) section.name = free_name(sections);
  }
  return {};
}

Status plan_network(const Section& section, const Host& host, Recipe& recipe) {
  const NetworkDevice* device = TRY(find_device(section.type));
  TRY(check(section, device->traits()));
  recipe.host_end.clear();
  TRY(device->plan(section, host, recipe));
  for (const Subnet& subnet : section.addresses) recipe.add(add_address(section, subnet));
  if (section.up && device->traits().has_interface)
    recipe.add(set_up(Side::kContainer, section.name, section.origin_of("flags")));
  TRY(add_gateway(section, host, section.gateway4, AF_INET, recipe));
  TRY(add_gateway(section, host, section.gateway6, AF_INET6, recipe));
  return add_proxies(section, recipe);
}

}  // namespace berth::network
