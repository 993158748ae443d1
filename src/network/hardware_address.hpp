// Hardware addresses of interfaces that the configuration gives none.
#pragma once

#include <string_view>

#include "network/section.hpp"

namespace berth::network {

// The same at every start of the same container on the same host, unlike those that the kernel draws: neighbours and DHCP servers
// know it again. Unicast, locally administered; 46 bits of a hash. `machine_id`: of /etc/machine-id, empty where there is none;
// `container`: LXCPATH/NAME.
HardwareAddress lasting_hardware_address(std::string_view machine_id, std::string_view container, unsigned index);

}  // namespace berth::network
