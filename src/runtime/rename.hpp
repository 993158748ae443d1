// The end of a rename that was killed between its two moves.
#pragma once

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

// rename() prepares the new configuration in the directory, moves the directory, then puts the configuration in its place. A
// container that carries its new name but the old configuration gets the new one here. Nothing to do for every other.
Status complete_rename(const Container& container);

}  // namespace berth::runtime
