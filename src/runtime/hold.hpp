// What a command makes sure of before it removes, copies or renames a container: it is there, whole, stopped, and stays stopped.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "os/lock.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

Status check_defined(const Container& container);
// Error while it is being made by somebody, or was left half-made.
Status check_made(const Container& container);
// Nor half destroyed.
Status check_complete(const Container& container);
// Nobody runs it, by whatever path of its directory. `way_out` follows "stop it first (...)" in the Error's hint: ", or add
// --force".
Status check_stopped(const Container& container, std::string_view way_out);
// The lock that starts take too, of a container that is stopped: no start gets through while it is held. Waits for it, and for
// those who copy what the container was while it ran.
Result<os::FileLock> lock_stopped(const Container& container, std::string_view way_out);
// The same, and it is whole: what was destroying it while this waited may have been killed.
Result<os::FileLock> lock_whole(const Container& container, std::string_view way_out);

// Of a container that is copied and may run: while it is held nobody gets through lock_stopped(), and of one that is stopped no
// start. Completes a rename first. Waits. Error: it is not defined (any more), or not whole.
Result<os::FileLock> lock_copied(const Container& container);

// Of a container whose root changes its size, running or not: nobody starts, copies or resizes it meanwhile. Completes a rename
// first. Waits. Error: as lock_copied().
struct AloneLocks {
  os::FileLock own, copies;
};
Result<AloneLocks> lock_alone(const Container& container);

}  // namespace berth::runtime
