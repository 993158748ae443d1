// Addresses that berth picks: lxc.net.N.ipv4.address = auto, and the same of version 6.
#pragma once

#include <string>
#include <vector>

#include "network/device.hpp"

namespace berth::network {

// What an address book is asked for.
struct AddressSeeker {
  std::string container;   // LXCPATH/NAME
  std::string directory;   // of address books
  bool remembers = false;  // false: nothing is written; the next call may give another answer
};

// Adds the section's automatic addresses to its others, with the length of the network of the bridge. Error: not a pair on a
// bridge, an address that is written there belongs to the bridge or to another container that runs, the bridge has no address of
// that version, its network is full.
Status add_automatic_addresses(Section& section, const Host& host, const AddressSeeker& seeker);

// The bridge's first address that others can use, of that version. Error: it has none.
Result<os::LinkAddress> address_of_bridge(const Section& section, const Host& host, int family, const Origin& origin);

}  // namespace berth::network
