// Locks on things that are no files: a volume that is being made, the choice of a device.
#pragma once

#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::storage::block {

// Goes with the descriptor, and with the process. EBUSY: another process has it. Two names share a lock once in 2^62 pairs; that
// makes one of them wait.
Result<Fd> lock_name(std::string_view name);
// Waits for it, for a minute at most.
Result<Fd> wait_for_name(std::string_view name);

}  // namespace berth::storage::block
