// The flags of chattr(1) that a copy has too, and that keep a file from being removed.
#pragma once

#include <linux/fs.h>

#include <string_view>

#include "base/result.hpp"

namespace berth::storage {

// Immutable, append-only: nothing more can be done to the file or in the directory afterwards.
inline constexpr unsigned kLockFlags = FS_IMMUTABLE_FL | FS_APPEND_FL;
inline constexpr unsigned kCopiedFlags = kLockFlags | FS_NOATIME_FL | FS_NODUMP_FL;

// 0 for what has none (most file systems that are none of a disk).
Result<unsigned> inode_flags(int fd, std::string_view path);
// Those of `mask` become as `wanted` says. Returns 0, or -errno.
long set_inode_flags(int fd, unsigned wanted, unsigned mask);
// What a copy gets at its end. Error: it is to be immutable or append-only and can't; the lesser flags are left out where the
// file system or the user has no right to them.
Status copy_inode_flags(int fd, unsigned wanted, std::string_view path);
// On a file that is new and empty: no copies on write (btrfs), which data that is shared must agree in. Left out elsewhere.
void forbid_copy_on_write(int fd);

}  // namespace berth::storage
