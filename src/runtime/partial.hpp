// The file `partial` in a container's directory: present and locked while the container is being created, left over unlocked
// when that was killed. Same file and lock (open file description, write) as LXC's, so each respects the other's creations.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::runtime {

enum class Creation { kNone, kOngoing, kCrashed };
// Of the container in `directory`; a missing directory is kNone.
Result<Creation> creation_state(const std::string& directory);

// What lay in a directory before the creation began in it, by name; nothing: the creation made the directory.
using EarlierEntries = std::optional<std::vector<std::string>>;

// Makes the mark, which is locked from its first moment on; it lasts as long as the descriptor. Error EEXIST: somebody else was
// quicker. `earlier` is noted in the mark (LXC's is empty), and an earlier configuration stays beside the new one as
// `config.before-create`.
Result<Fd> begin_creation(const std::string& directory, const EarlierEntries& earlier = {});
// What a mark that was left over says. Error: it says nothing that can be understood.
Result<EarlierEntries> earlier_entries(const std::string& directory);
// The earlier configuration, in its place again as the file that it was; where there was none, the new one goes.
Status give_back_config(const std::string& directory, const EarlierEntries& earlier);
// Success: it is complete. An Error: it is not, and can be taken back.
Status end_creation(const std::string& directory, Fd mark);

}  // namespace berth::runtime
