// Runs in: the starting command.
#include "plan/network_section.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/strings.hpp"
#include "config/network_own_values.hpp"

namespace berth::plan {
namespace {

using config::SourcedText;
using network::Gateway;
using network::Section;

// Stores one value; false: the text can't be read.
using Store = bool (*)(Section& section, const SourcedText& value);

bool store_number(unsigned& to, const std::string& text) {
  const auto number = strings::parse_number<unsigned>(text);
  if (number) to = *number;
  return number.has_value();
}

bool store_subnet(std::vector<network::Subnet>& to, const SourcedText& value) {
  const auto words = strings::split_words(value.value);
  auto subnet = words.empty() ? std::nullopt : network::parse_subnet(words[0]);
  if (!subnet) return false;
  subnet->origin = value.origin;
  if (words.size() > 1) subnet->broadcast = network::parse_address(words[1]);
  to.push_back(std::move(*subnet));
  return true;
}

bool store_gateway(Gateway& to, const SourcedText& value) {
  to.origin = value.origin;
  to.kind = value.value == "auto"  ? Gateway::Kind::kAutomatic
            : value.value == "dev" ? Gateway::Kind::kDevice
                                   : Gateway::Kind::kAddress;
  if (to.kind != Gateway::Kind::kAddress) return true;
  const auto address = network::parse_address(value.value);
  if (address) to.address = *address;
  return address.has_value();
}

bool store_untagged(Section& section, const SourcedText& value) {
  section.untagged = value.value == "none" ? network::VlanMembership::kNone : network::VlanMembership::kId;
  return value.value == "none" || store_number(section.untagged_id, value.value);
}

bool store_tagged(Section& section, const SourcedText& value) {
  unsigned id = 0;
  if (!store_number(id, value.value)) return false;
  section.tagged.push_back(id);
  return true;
}

bool store_mtu(Section& section, const SourcedText& value) {
  section.mtu = strings::parse_number<std::uint32_t>(value.value);
  return section.mtu.has_value();
}

bool store_hwaddr(Section& section, const SourcedText& value) {
  section.hwaddr = network::parse_hardware_address(value.value);
  return section.hwaddr.has_value();
}

template <std::string Section::* Member>
bool store_text(Section& section, const SourcedText& value) {
  section.*Member = value.value;
  return true;
}
template <unsigned Section::* Member>
bool store_unsigned(Section& section, const SourcedText& value) {
  return store_number(section.*Member, value.value);
}
bool store_flags(Section& section, const SourcedText& value) {
  section.up = !value.value.empty();
  return true;
}
bool store_l2proxy(Section& section, const SourcedText& value) {
  section.l2proxy = value.value == "1";
  return true;
}
// An automatic address is known when it has been picked: network/automatic.hpp.
template <int Family>
bool store_address(Section& section, const SourcedText& value) {
  if (value.value != "auto") return store_subnet(section.addresses, value);
  (Family == AF_INET ? section.automatic4 : section.automatic6) = value.origin;
  return true;
}

bool store_published(Section& section, const SourcedText& value) {
  auto ports = config::parse_published_ports(value.value);
  if (!ports) return false;
  section.published.push_back(
      {std::move(ports->host_address), ports->host_first, ports->container_first, ports->count, ports->udp, value.origin});
  return true;
}
template <std::uint64_t Section::* Member>
bool store_rate(Section& section, const SourcedText& value) {
  const auto rate = config::parse_rate(value.value);
  if (rate) section.*Member = *rate;
  return rate.has_value();
}
bool store_name_servers(Section& section, const SourcedText& value) {
  auto servers = config::parse_name_servers(value.value);
  if (!servers) return false;
  section.dns_of_bridge = servers->automatic;
  section.name_servers = std::move(servers->addresses);
  return true;
}
bool store_route(Section& section, const SourcedText& value) { return store_subnet(section.routes, value); }
bool store_gateway4(Section& section, const SourcedText& value) { return store_gateway(section.gateway4, value); }
bool store_gateway6(Section& section, const SourcedText& value) { return store_gateway(section.gateway6, value); }

struct Row {
  std::string_view subkey;
  Store store;
};

constexpr auto kRows = std::to_array<Row>({
    Row{"link", store_text<&Section::link>},
    Row{"name", store_text<&Section::name>},
    Row{"flags", store_flags},
    Row{"hwaddr", store_hwaddr},
    Row{"mtu", store_mtu},
    Row{"l2proxy", store_l2proxy},
    Row{"ipv4.address", store_address<AF_INET>},
    Row{"ipv6.address", store_address<AF_INET6>},
    Row{"ipv4.gateway", store_gateway4},
    Row{"ipv6.gateway", store_gateway6},
    Row{"macvlan.mode", store_text<&Section::mode>},
    Row{"ipvlan.mode", store_text<&Section::mode>},
    Row{"ipvlan.isolation", store_text<&Section::isolation>},
    Row{"vlan.id", store_unsigned<&Section::vlan_id>},
    Row{"veth.mode", store_text<&Section::mode>},
    Row{"veth.pair", store_text<&Section::host_name>},
    Row{"veth.n_rxqueues", store_unsigned<&Section::rx_queues>},
    Row{"veth.n_txqueues", store_unsigned<&Section::tx_queues>},
    Row{"veth.ipv4.route", store_route},
    Row{"veth.ipv6.route", store_route},
    Row{"veth.vlan.id", store_untagged},
    Row{"veth.vlan.tagged.id", store_tagged},
    Row{"publish", store_published},
    Row{"limit.ingress", store_rate<&Section::ingress_limit>},
    Row{"limit.egress", store_rate<&Section::egress_limit>},
    Row{"dns", store_name_servers},
});

std::string default_mode(std::string_view type) {
  if (type == "veth") return "bridge";
  if (type == "macvlan") return "private";
  return type == "ipvlan" ? "l3" : "";
}

Status store(Section& section, const std::string& subkey, const SourcedText& value) {
  for (const Row& row : kRows) {
    if (row.subkey != subkey || row.store(section, value)) continue;
    return fail(Error::message(strings::cat("lxc.net.", section.index, '.', subkey, " can't be read: ", value.value))
                    .set_by(value.origin));
  }
  return {};
}

std::string key_of(const Section& section, std::string_view subkey) {
  return strings::cat("lxc.net.", section.index, '.', subkey);
}

Status check_hardware_address(const Section& section) {
  constexpr unsigned kGroup = 1;
  if (!section.hwaddr) return {};
  const bool zero = *section.hwaddr == network::HardwareAddress{};
  if (!zero && (section.hwaddr->front() & kGroup) == 0) return {};
  return fail(Error::message("no interface can have this hardware address", EADDRNOTAVAIL)
                  .because(zero ? "it is nothing but zeros" : "it is that of a group: its first byte is odd")
                  .set_by(section.origin_of("hwaddr"))
                  .hint(strings::cat("make the second digit an even one: ", key_of(section, "hwaddr"), " = 02:xx:xx:xx:xx:xx")));
}

// A name that the kernel takes for something else.
Status check_pair(const Section& section) {
  const bool settings = section.host_name == "all" || section.host_name == "default";
  if (!settings && section.host_name.find('%') == std::string::npos) return {};
  return fail(Error::message(strings::cat("an interface can't be called ", section.host_name))
                  .because(settings ? "settings of all interfaces have that name" : "the kernel puts a number in the place of %d")
                  .set_by(section.origin_of("veth.pair"))
                  .hint(strings::cat("set another ", key_of(section, "veth.pair"), ", or remove the line")));
}

bool wants_version6(const Section& section) {
  return section.automatic6 ||
         std::ranges::any_of(section.addresses, [](const network::Subnet& subnet) { return subnet.address.family == AF_INET6; });
}

Status check_mtu(const Section& section) {
  constexpr std::uint32_t kLeast = 68, kMost = 65535, kLeastVersion6 = 1280;
  if (!section.mtu) return {};
  const auto refuse = [&](std::string_view why, std::string_view hint) {
    return fail(Error::message(strings::cat("an MTU of ", *section.mtu, " is refused by the kernel"))
                    .because(why)
                    .set_by(section.origin_of("mtu"))
                    .hint(hint));
  };
  if (section.type == "veth" && (*section.mtu < kLeast || *section.mtu > kMost))
    return refuse("that of a veth network is 68 to 65535", "set one of these, or remove the line");
  if (wants_version6(section) && *section.mtu < kLeastVersion6)
    return refuse("IPv6 needs 1280 or more", "set one of 1280 or more, or remove the network's IPv6 addresses");
  return {};
}

}  // namespace

Result<Section> network_section(const config::NetworkConf& conf) {
  Section section;
  section.index = conf.index;
  section.type = conf.type;
  section.origin = conf.origin;
  section.mode = default_mode(conf.type);
  section.isolation = "bridge";
  for (const auto& [subkey, value] : conf.values) {
    section.origins[subkey] = value.origin;
    TRY(store(section, subkey, value));
  }
  TRY(check_hardware_address(section));
  TRY(check_pair(section));
  TRY(check_mtu(section));
  return section;
}

}  // namespace berth::plan
