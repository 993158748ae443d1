// The end of a rename, or of a restore in place, that was killed between its moves.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

// rename() prepares the new configuration in the directory and moves that, which decides it; then the root's name in a pool, the
// configuration and what the root knows of its name follow. restore_in_place() lays the new parts beside the old, says so by the
// same mark, and exchanges them. A container that carries the mark with its own name is brought to the end here. Nothing to do
// for every other, which costs one look (berth-quick has another definition, which then lets berth do it). The caller holds the
// container's lock: the rename itself may still be at work otherwise.
Status complete_rename(const Container& container);
// The same for a caller that does not hold the lock: it is taken where there is something to do.
Status complete_rename_alone(const Container& container);
// What a rename has prepared goes: of one that is not incomplete, and was killed or refused. The caller holds the lock.
Status remove_preparation(const Container& container);
// Whether there is something of it; what the writing of its files was killed at counts. Means nothing while the lock is held.
Result<bool> has_preparation(const Container& container);
bool rename_is_incomplete(const Container& container);
// The names in them are on the disk: what says what is to be done with a root in a pool, whose own renames are durable at once.
Status sync_directories(const std::vector<std::string>& paths);

// In the container's directory while it is renamed: a link that says the new name, the configuration for it, and a file with the
// old name and, for a root that is renamed too, its TYPE:PATH before and after, a line each.
std::string rename_mark_of(const Container& container);
std::string renamed_config_of(const Container& container);
std::string renamed_from_of(const Container& container);

}  // namespace berth::runtime
