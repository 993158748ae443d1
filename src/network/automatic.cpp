// Runs in: the starting command.
#include "network/automatic.hpp"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/strings.hpp"
#include "network/address_book.hpp"
#include "network/address_use.hpp"
#include "network/kinds.hpp"

namespace berth::network {
namespace {

std::string_view version_of(int family) { return family == AF_INET ? "IPv4" : "IPv6"; }

std::string key_of(const Section& section, std::string_view subkey) {
  return strings::cat("lxc.net.", section.index, '.', subkey);
}

Status check_bridged(const Section& section, const Origin& origin) {
  if (section.type == "veth" && section.mode == "bridge" && !section.link.empty()) return {};
  const std::string_view found = section.type != "veth"     ? std::string_view(section.type)
                                 : section.mode != "bridge" ? std::string_view("veth in router mode")
                                                            : std::string_view("veth without a link");
  return fail(Error::message("an automatic address is one of the network of a bridge, and there is none")
                  .because(strings::cat("lxc.net.", section.index, " is ", found))
                  .set_by(origin)
                  .hint(strings::cat("name a bridge in ", key_of(section, "link"), " of a veth network, or write an address")));
}

Result<AddressBook> open_book(const AddressSeeker& seeker, const std::string& bridge) {
  return seeker.remembers ? AddressBook::open(seeker.directory, bridge) : AddressBook::read(seeker.directory, bridge);
}

Result<Subnet> pick(const Section& section, const Host& host, const AddressSeeker& seeker, int family, const Origin& origin) {
  const os::LinkAddress own = TRY(address_of_bridge(section, host, family, origin));
  const auto pool = pool_of(own);
  if (!pool) {
    return fail(Error::message(strings::cat(section.link, " has ", own.text, "/", own.prefix_length,
                                            ", whose network has no room for others"),
                               EADDRNOTAVAIL)
                    .set_by(origin)
                    .hint(strings::cat("give ", section.link, " an address with a shorter length, as 10.0.3.1/24")));
  }
  const AddressUse use = TRY(addresses_in_use(host, TRY(require_link(section, host)), seeker.container));
  AddressBook book = TRY(open_book(seeker, section.link));
  auto address = book.assign(*pool, seeker.container, section.index, use);
  if (!address) return fail(std::move(address.error()).set_by(origin));
  TRY(book.save());
  return Subnet{parse_address(*address).value_or(Address{}), own.prefix_length, std::nullopt, origin};
}

Error refused(const Subnet& subnet, std::string why, std::string_view hint) {
  return Error::message(strings::cat("a container can't have ", subnet.address.text()), EADDRINUSE)
      .because(std::move(why))
      .set_by(subnet.origin)
      .hint(strings::cat(hint, "write another address, or auto"));
}

Status check_against_bridge(const Section& section, const Subnet& subnet, const std::vector<os::LinkAddress>& bridge) {
  const std::string text = subnet.address.text();
  for (const os::LinkAddress& own : bridge) {
    const auto address = parse_address(own.text);
    if (!address) continue;
    if (*address == subnet.address)
      return fail(refused(subnet, strings::cat("it is the address of ", section.link, " on the host"), ""));
    const Subnet network{*address, own.prefix_length, std::nullopt, {}};
    const auto pool = pool_of(own);
    if (own.family != AF_INET || !pool || !network.contains(subnet.address) || pool->offers(text)) continue;
    return fail(refused(
        subnet, strings::cat("it is the first or the last one of ", pool->text(), ", the network of ", section.link), ""));
  }
  return {};
}

Status check_against_others(const Section& section, const Subnet& subnet, const std::vector<AddressNote>& notes) {
  const std::string text = subnet.address.text();
  for (const AddressNote& note : notes) {
    if (std::ranges::find(note.addresses, text) == note.addresses.end()) continue;
    const std::size_t slash = note.container.rfind('/');
    return fail(refused(subnet,
                        strings::cat("container ", note.container.substr(slash + 1), " of ", note.container.substr(0, slash),
                                     " has it on ", section.link),
                        "stop that container, "));
  }
  return {};
}

// Addresses that the configuration writes out. What is wrong with the link is told elsewhere.
Status check_written(const Section& section, const Host& host, const AddressSeeker& seeker) {
  if (section.addresses.empty() || section.type != "veth" || section.mode != "bridge" || section.link.empty()) return {};
  const auto link = TRY(host.find(section.link));
  if (!link) return {};
  const auto bridge = TRY(host.addresses_of(link->index));
  const auto notes = TRY(noted_addresses(host, link->index, seeker.container));
  for (const Subnet& subnet : section.addresses) {
    TRY(check_against_bridge(section, subnet, bridge));
    TRY(check_against_others(section, subnet, notes));
  }
  return {};
}

Status add_one(Section& section, const Host& host, const AddressSeeker& seeker, int family) {
  const std::optional<Origin>& asked = family == AF_INET ? section.automatic4 : section.automatic6;
  if (!asked) return {};
  TRY(check_bridged(section, *asked));
  // In front: what is published leads to the first one.
  const Subnet subnet = TRY(pick(section, host, seeker, family, *asked));
  section.addresses.insert(section.addresses.begin(), subnet);
  return {};
}

}  // namespace

Result<os::LinkAddress> address_of_bridge(const Section& section, const Host& host, int family, const Origin& origin) {
  const os::LinkDetails link = TRY(require_link(section, host));
  for (os::LinkAddress& known : TRY(host.addresses_of(link.index))) {
    if (known.family == family && known.scope != RT_SCOPE_LINK) return std::move(known);
  }
  return fail(Error::message(strings::cat(section.link, " has no ", version_of(family), " address"), EADDRNOTAVAIL)
                  .set_by(origin)
                  .hint(strings::cat("give it one: ip addr add ADDRESS/LENGTH dev ", section.link)));
}

Status add_automatic_addresses(Section& section, const Host& host, const AddressSeeker& seeker) {
  TRY(check_written(section, host, seeker));
  TRY(add_one(section, host, seeker, AF_INET6));
  return add_one(section, host, seeker, AF_INET);
}

}  // namespace berth::network
