// /proc/PID/mountinfo (proc_pid_mountinfo(5)) as data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::os {

struct MountEntry {
  std::uint64_t id = 0, parent = 0;
  unsigned major = 0, minor = 0;
  std::string root;          // of the mount within its file system
  std::string target;        // relative to the reader's root
  std::string options;       // of the mount: "rw,nosuid"
  std::uint64_t shared = 0;  // peer group, 0 = not shared
  std::uint64_t master = 0;  // peer group that it receives from, 0 = none
  bool unbindable = false;
  std::string type;           // "ext4", "fuse.sshfs"
  std::string source;         // may be empty
  std::string super_options;  // of the file system: "rw,size=65536k"

  // `options` or `super_options` has this word ("ro").
  [[nodiscard]] bool has_option(std::string_view option) const;
  [[nodiscard]] bool has_super_option(std::string_view option) const;
};

// Pure. Error names the line that is not understood.
Result<std::vector<MountEntry>> parse_mount_table(std::string_view text);
Result<std::vector<MountEntry>> load_mount_table(const std::string& path = "/proc/self/mountinfo");

// "\040" -> " ": the kernel writes blank, tab, newline and backslash (and '#') so.
std::string unescape_octal(std::string_view text);
// The mount whose target is `path` or the nearest directory above it; of several at one place the uppermost. Null: none.
const MountEntry* find_mount_of(const std::vector<MountEntry>& table, std::string_view path);

}  // namespace berth::os
