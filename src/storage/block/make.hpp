// New file systems, and new names (UUIDs) for those that were copied block by block.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::storage::block {

inline constexpr std::string_view kDefaultType = "ext4";
inline constexpr std::uint64_t kDefaultSize = std::uint64_t{1} << 30;  // bytes, LXC's

// `type` (empty: ext4) is a word that mkfs.TYPE can be made of, and that program is there. Looks only.
Status check_type(const std::string& type);
// The same for the type of a root that is copied into a new file system, found on its device: not all that can be mounted can be
// made empty and filled.
Status check_type_of_copy(const std::string& type);
// By mkfs.TYPE on a device or a file that is as long as the file system shall be; whatever was there is overwritten.
Status make_file_system(const std::string& type, const std::string& path);
// The file system on `device`, which is not mounted, gets a UUID of its own, so that it can be mounted beside the one it is a
// copy of. What its journal holds is replayed first. Types that are told apart by their device alone stay as they are.
Status renew_identity(const std::string& type, const std::string& device);
// e2fsck: repairs what can be repaired without a question. Of ext2, ext3 and ext4.
Status check_ext4(const std::string& device, bool thorough);

}  // namespace berth::storage::block
