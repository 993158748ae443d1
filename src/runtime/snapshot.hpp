// Snapshots of a container: complete containers below its own directory, LXCPATH/NAME/snaps/snapN.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"
#include "storage/progress.hpp"

namespace berth::runtime {

struct Snapshot {
  std::string name;          // "snap0"
  std::string comment_file;  // its path, whether it exists or not
  std::string timestamp;     // local time, "2026:11:22 13:37:00"; empty when unknown
  std::string lxcpath;       // LXCPATH/NAME/snaps
};

// Where they may lie, the place of the new ones first: LXC before 1.1 kept them beside the lxcpath, and every release looks
// there.
std::vector<std::string> snapshot_directories(const Container& container);
// By its place; it need not exist.
bool is_snapshot_of(const Container& snapshot, const Container& container);
// By the place of `snapshot`; nothing: it is no snapshot.
std::optional<Container> owner_of_snapshot(const Container& snapshot);
// The number N of the new snapN, the lowest that is free. `comment_file` is copied; empty = no comment. Refused while it runs.
// `progress` may be nullptr, here and below: nobody is told.
Result<unsigned> take_snapshot(const Container& container, const std::string& comment_file,
                               storage::Progress* progress = nullptr);
// Sorted by number; empty without any.
Result<std::vector<Snapshot>> list_snapshots(const Container& container);
// Into a new container `new_name` of the same lxcpath, or, where that is empty or the container's own name, in place of the
// container: which is then removed only after the copy is complete.
Status restore_snapshot(const Container& container, const std::string& snapshot, const std::string& new_name,
                        storage::Progress* progress = nullptr);
Status destroy_snapshot(const Container& container, const std::string& snapshot);
// True when there was any.
Result<bool> destroy_snapshots(const Container& container);

}  // namespace berth::runtime
