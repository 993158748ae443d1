// Mount lines: lxc.mount.entry, fstab files, lxc.rootfs.options.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::config {

// The options of a mount, sorted into what mount(2) takes apart and what the file system gets.
struct MountOptions {
  unsigned long flags = 0;        // MS_* without propagation
  unsigned long cleared = 0;      // MS_* that were named by their opposite ("rw", "exec"): a remount clears them
  unsigned long propagation = 0;  // MS_SHARED|MS_PRIVATE|MS_SLAVE|MS_UNBINDABLE, with MS_REC for the r forms; 0 = none named
  std::string data;               // the rest, comma separated
  std::string idmap;              // "container" or the path of a user namespace
};

enum class CreateTarget { kNo, kDirectory, kFile };

struct MountEntry {
  std::string source, target, type;
  MountOptions options;
  CreateTarget create = CreateTarget::kNo;
  bool optional = false;  // a failure is not one of the start
  bool relative = false;  // `source` is below the container's root
  unsigned line = 0;      // in the fstab text, counted from 1
};

// One line of fstab(5); octal escapes (\040) are decoded. `target` may be absolute or relative.
Result<MountEntry> parse_mount_entry(std::string_view line);

// A field of fstab(5), which are separated by blanks: \040 and the like are read; blanks and backslashes are written so.
std::string decode_mount_field(std::string_view field);
std::string encode_mount_field(std::string_view text);

// A whole file. Blank lines and comments are skipped. An Error is set_by `name` and the line.
Result<std::vector<MountEntry>> parse_fstab(std::string_view text, std::string_view name);

// lxc.rootfs.options: the same options without create=, optional and relative.
Result<MountOptions> parse_rootfs_options(std::string_view text);

}  // namespace berth::config
