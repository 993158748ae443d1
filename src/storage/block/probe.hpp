// What is on a block device or in an image of one. Nothing that is read there is trusted: magic numbers are compared, never used.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::storage::block {

inline constexpr std::size_t kProbeLength = 72 * 1024;  // bytes from the beginning in which all magic numbers lie

// The file system type for mount(2), by the magic number in the first bytes of a device; fewer than kProbeLength are enough for
// the types whose numbers they hold. ext2 and ext3 are "ext4", whose driver mounts them. Nothing: none that is known here.
std::optional<std::string_view> file_system_of(std::span<const char> start);
// Something that is no file system, in words: "a partition table", "a LUKS volume". Empty: nothing known.
std::string_view foreign_content(std::span<const char> start);
// "qcow2", "vmdk", ...: an image that has a format of its own. Empty: none (raw).
std::string_view image_format_of(std::span<const char> start);
// Types of /proc/filesystems that live on a block device, without those that file_system_of() knows.
std::vector<std::string> block_file_systems(std::string_view proc_filesystems);

// The first kProbeLength bytes of a device or file, or all of a shorter one.
Result<std::string> read_start(const std::string& path);
// The type of what is on `device`: by its magic number, else by a trial of what the kernel can mount. Error: nothing known is
// there, and what is instead.
Result<std::string> find_file_system(const std::string& device);
// Of a block device or a regular file, in bytes.
Result<std::uint64_t> size_of(const std::string& path);
// Somebody has mounted the block device, or claimed it in another way (open(2), O_EXCL).
Result<bool> is_in_use(const std::string& device);

}  // namespace berth::storage::block
