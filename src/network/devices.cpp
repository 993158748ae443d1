// Runs in: the starting command.
// The order of the kinds is that of the documentation.
#include <array>

#include "base/strings.hpp"
#include "network/device.hpp"
#include "network/kinds.hpp"

namespace berth::network {

std::span<const NetworkDevice* const> devices() {
  static constexpr std::array<const NetworkDevice*, 6> kDevices = {&kVeth, &kMacvlan, &kIpvlan, &kVlan, &kPhys, &kEmpty};
  return kDevices;
}

Result<const NetworkDevice*> find_device(std::string_view type) {
  for (const NetworkDevice* device : devices()) {
    if (device->traits().type == type) return device;
  }
  return fail(Error::message(strings::cat("there is no network type '", type, "'")));
}

}  // namespace berth::network
