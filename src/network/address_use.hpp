// Who uses addresses of a bridge's network without being in the address book: what dnsmasq has leased, what the kernel has met.
#pragma once

#include <string>
#include <string_view>

#include "network/address_pool.hpp"

namespace berth::network {

// Addresses of dnsmasq's lease file: "EXPIRY MAC ADDRESS NAME ID" a line. Anything else is passed over: the file is dnsmasq's.
void add_leases(AddressSet& addresses, std::string_view text);
// Of /proc/net/arp: those of that device whose owner has answered.
void add_neighbours(AddressSet& addresses, std::string_view text, std::string_view device);

struct AddressUse {
  AddressSet leased;  // somebody else's, whoever had it before
  AddressSet met;     // may be the asking container's own, from the last time that it ran
};
// As it stands on this host, in the network namespace of the caller.
AddressUse addresses_in_use(const std::string& bridge);

}  // namespace berth::network
