// The end of a monitor: it leaves its own cgroups so that they can be removed.
#pragma once

#include <vector>

#include "child/blob.hpp"

namespace berth::monitor {

// Removes the monitor's cgroups and ends this process with `status`. All descriptors that are open stay open until the groups are
// gone: whoever sees one of them closed, or gets a lock that one of them holds, knows that nothing is left. `listening`, the
// command socket (-1: none), is closed before the others.
[[noreturn]] void leave(const child::BlobView& blob, const std::vector<bool>& done, int status, int listening);

}  // namespace berth::monitor
