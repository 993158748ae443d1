// Whom the kernel has met on an interface (ARP, neighbour discovery): addresses of both versions whose owner has answered.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::network {

struct Neighbour {
  int index = 0;        // of the interface
  std::string address;  // as ip::format_version6 and the like write it
};

// What follows the header of an RTM_NEWNEIGH message. Nothing: nobody who has answered, or no address. Safe on any bytes.
std::optional<Neighbour> parse_neighbour(std::span<const std::byte> payload);

// In the network namespace of the caller.
Result<std::vector<Neighbour>> neighbours();

}  // namespace berth::network
