// The file `partial` in a container's directory: present and locked while the container is being created, left over unlocked
// when that was killed. Same file and lock (open file description, write) as LXC's, so each respects the other's creations.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::runtime {

enum class Creation { kNone, kOngoing, kCrashed };
// Of the container in `directory`; a missing directory is kNone.
Result<Creation> creation_state(const std::string& directory);

// Makes and locks the mark; it lasts as long as the descriptor. Error EEXIST: somebody else was quicker.
Result<Fd> begin_creation(const std::string& directory);
Status end_creation(const std::string& directory, Fd mark);

}  // namespace berth::runtime
