// SHA-256 of a text: numbers that must be the same each time and differ between hosts are taken from it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace berth {

std::array<std::uint8_t, 32> sha256(std::string_view data);

}  // namespace berth
