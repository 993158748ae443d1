// The end of a rename that was killed between its two moves.
#pragma once

#include <string>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

// rename() prepares the new configuration in the directory, moves the directory, then puts the configuration in its place. A
// container that carries its new name but the old configuration gets the new one here. Nothing to do for every other, which costs
// one look. The caller holds the container's lock: the rename itself may still be at work otherwise.
Status complete_rename(const Container& container);
// The same for a caller that does not hold the lock: it is taken where there is something to do.
Status complete_rename_alone(const Container& container);
bool rename_is_incomplete(const Container& container);

// In the container's directory while it is renamed: a link that says the new name, and the configuration for it.
std::string rename_mark_of(const Container& container);
std::string renamed_config_of(const Container& container);

}  // namespace berth::runtime
