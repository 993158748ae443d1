// Randomness of the kernel.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.hpp"

namespace berth::sys {

// Fills `bytes`; waits until the kernel has gathered enough since boot. getrandom(2)
Status fill_random(std::span<std::byte> bytes);

}  // namespace berth::sys
