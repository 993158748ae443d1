// Quota groups of btrfs: the group 0/ID of each subvolume counts what it holds, and may limit it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"

namespace berth::storage::btrfs {

// Bytes. Of this subvolume, without those in it.
struct Quota {
  std::uint64_t referenced = 0;          // all that is in it
  std::uint64_t exclusive = 0;           // of that: shared with no other
  std::optional<std::uint64_t> limit{};  // of what it references
};

// As of the last commit. Nothing where the file system counts none, has not counted all yet, or the caller may not read it.
std::optional<Quota> quota_of(int subvolume);
// Where the file system counts none yet it begins to, and this waits until all that is in it is counted: minutes on a big one.
Status prepare_quota(int subvolume);
// After that.
Status limit_quota(int subvolume, std::uint64_t bytes);
// Also where there is none.
Status lift_quota(int subvolume);
// Of a subvolume that is gone: the kernel keeps its group otherwise. As far as that can be done.
void forget_quota(int fd, std::uint64_t id);

}  // namespace berth::storage::btrfs
