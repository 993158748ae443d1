// Sizes in messages.
#pragma once

#include <cstdint>
#include <string>

namespace berth::storage::block {

// In the largest unit with one decimal place at most: "64 MiB", "1.5 GiB", "512 bytes".
std::string size_text(std::uint64_t bytes);

}  // namespace berth::storage::block
