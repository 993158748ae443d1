// Mounts, by the classic and by the descriptor calls.
#pragma once

#include <linux/mount.h>

#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::sys {

Status mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
             const std::string& data);
Status unmount(const std::string& target, int flags);
// flags: OPEN_TREE_CLONE, AT_RECURSIVE, ...; the descriptor is CLOEXEC.
Result<Fd> open_tree(int dir, const std::string& path, unsigned flags);
Status move_mount(int from, int to_dir, const std::string& to_path, unsigned flags);
Status set_mount_attributes(int mount_fd, bool recursive, std::uint64_t set, std::uint64_t clear, std::uint64_t propagation,
                            int userns_fd = -1);
Result<Fd> open_filesystem(const std::string& type);
Status configure_filesystem(int fs_fd, unsigned command, const std::string& key, const std::string& value);
Result<Fd> mount_filesystem(int fs_fd, unsigned attributes);

}  // namespace berth::sys
