// Runs in: the starting command.
#include "network/automatic.hpp"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

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
  AddressBook book = TRY(open_book(seeker, section.link));
  auto address = book.assign(*pool, seeker.container, section.index, addresses_in_use(section.link));
  if (!address) return fail(std::move(address.error()).set_by(origin));
  TRY(book.save());
  return Subnet{parse_address(*address).value_or(Address{}), own.prefix_length, std::nullopt, origin};
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
  TRY(add_one(section, host, seeker, AF_INET6));
  return add_one(section, host, seeker, AF_INET);
}

}  // namespace berth::network
