// What a command makes sure of before it removes, copies or renames a container: it is there, whole, stopped, and stays stopped.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "os/lock.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

Status check_defined(const Container& container);
// Error while it is being made by somebody, or was left half-made.
Status check_complete(const Container& container);
// `way_out` follows "stop it first (...)" in the Error's hint: ", or add --force".
Status check_stopped(const Container& container, std::string_view way_out);
// The lock that starts take too, of a container that is stopped: no start gets through while it is held. Waits for it.
Result<os::FileLock> lock_stopped(const Container& container, std::string_view way_out);

}  // namespace berth::runtime
