// Puts the state of a snapshot in the place of its container.
#pragma once

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

// The copy is made, completely, in a directory `restoring` of the container; then it changes places with what is there, and the
// old root file system is removed. Files of the container that the snapshot does not have (its log, its snapshots) stay. Killed
// anywhere, the container is the old one or the new one, and restoring again cleans up.
Status restore_in_place(const Container& container, const Container& snapshot);

}  // namespace berth::runtime
