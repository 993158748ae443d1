// Who uses addresses of a bridge's network without being in the address book: what dnsmasq has leased, what the kernel has met.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/address_pool.hpp"
#include "network/device.hpp"

namespace berth::network {

// Addresses of dnsmasq's lease file: "EXPIRY MAC ADDRESS NAME ID" a line. Anything else is passed over: the file is dnsmasq's.
void add_leases(AddressSet& addresses, std::string_view text);

// The note on the host's end of a pair (its alias): which container has which addresses there. It goes with the pair.
struct AddressNote {
  std::string container;  // LXCPATH/NAME
  std::vector<std::string> addresses;
};
// Of as many bytes as the kernel takes; empty: the name is too long for it.
std::string format_address_note(const AddressNote& note);
// Nothing: it is somebody else's note.
std::optional<AddressNote> parse_address_note(std::string_view alias);

// Has its command socket in this network namespace.
bool container_runs(std::string_view container);
// What other running containers have written in their configuration, or were given. `asking` is passed over.
Result<std::vector<AddressNote>> noted_addresses(const Host& host, int bridge, std::string_view asking);

struct AddressUse {
  AddressSet leased;  // somebody else's, whoever had it before
  AddressSet met;     // may be the asking container's own, from the last time that it ran
};
// As it stands on this host, in the network namespace of the caller; `asking`: LXCPATH/NAME.
Result<AddressUse> addresses_in_use(const Host& host, const os::LinkDetails& bridge, std::string_view asking);

}  // namespace berth::network
