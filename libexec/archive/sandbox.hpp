// What the worker gives up before it looks at anything.
#pragma once

#include "base/result.hpp"

namespace berth::archive {

// No path of the host by any name, no network, no new programs or privileges, no system call that its work does not take, and of
// the capabilities those that make files of any owner and kind. What it was given by descriptor stays open to it. Also: as many
// open files as it may have, for deep trees.
Status enter_sandbox();

// For who reads what others made: no more memory than any archive takes that berth makes, however it says so. The host's is not
// this process's to fill.
Status limit_memory();

}  // namespace berth::archive
