// The addresses that a bridge's network has for containers, and which of them a container gets.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "os/netlink.hpp"

namespace berth::network {

// Addresses in the form that format_version6 and the like write: equal ones have equal texts.
using AddressSet = std::set<std::string, std::less<>>;

struct AddressPool {
  int family = 0;                             // AF_INET, AF_INET6
  std::array<std::uint8_t, 16> address = {};  // the bridge's own; 4 bytes count for AF_INET
  unsigned length = 0;                        // bits

  // "10.0.3.0/24".
  [[nodiscard]] std::string text() const;
  // Is this text ("10.0.3.7") an address that a container can have: in the network, not its first or last one, not the bridge's?
  [[nodiscard]] bool offers(std::string_view address_text) const;
};
// The network of an address of a bridge. Nothing: a host route, which has no room for others, or a text that is no address.
std::optional<AddressPool> pool_of(const os::LinkAddress& address);

// A free address. `seed` decides where the search begins, so that the same container tends to get the same one. Nothing: all are
// taken. Networks of version 6 with more than 16 bits for hosts are not searched: their addresses follow from the seed, and
// two equal ones are as good as impossible.
std::optional<std::string> choose_address(const AddressPool& pool, std::string_view seed, const AddressSet& taken);

}  // namespace berth::network
