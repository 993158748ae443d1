// Runs in: the starting command.
#include "network/hardware_address.hpp"

#include <algorithm>

#include "base/sha256.hpp"
#include "base/strings.hpp"

namespace berth::network {

HardwareAddress lasting_hardware_address(std::string_view machine_id, std::string_view container, unsigned index) {
  constexpr unsigned kMulticast = 1;
  constexpr unsigned kLocal = 2;
  const auto hash = sha256(strings::cat("berth hardware address\n", machine_id, '\n', container, '\n', index));
  HardwareAddress address{};
  std::copy_n(hash.begin(), address.size(), address.begin());
  address[0] = static_cast<std::uint8_t>((address[0] & ~kMulticast) | kLocal);
  return address;
}

}  // namespace berth::network
