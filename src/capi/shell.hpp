// The shell of the user that this process runs as.
#pragma once

namespace berth::capi {

// From the user database, else /bin/sh. Returns only when none can be executed.
void exec_own_shell();

}  // namespace berth::capi
