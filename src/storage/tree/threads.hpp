// Runs one function in several threads at once.
#pragma once

#include <functional>

namespace berth::storage {

// As many as this process may use processors; 2 at least, so that one works while another waits for a disk, and 8 at most.
unsigned usual_threads();

// `work` in the calling thread and in up to `count` - 1 others, in fewer when the system refuses more; returns when all are gone.
// Signals reach the calling thread only.
void run_in_threads(unsigned count, const std::function<void()>& work);

}  // namespace berth::storage
