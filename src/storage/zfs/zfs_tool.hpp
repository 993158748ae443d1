// The zfs command: of OpenZFS, or of zfs-fuse. Each function is one run of it, or a few.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/mount_table.hpp"

namespace berth::storage::zfs {

// A program `zfs` is in the search path.
bool is_installed();
// EOPNOTSUPP with the names of the packages, where it is not.
Status need_tool();

// Standard output. Error: errno by zfs's words (zfs_output.hpp), "cannot WHAT", and a hint where there is a way out.
Result<std::string> run(const std::vector<std::string>& arguments, std::string_view what);

// With standard input (or output) of the caller's, and as much time as it takes; -1: none.
Status run_stream(const std::vector<std::string>& arguments, int input, int output, std::string_view what);

// A dataset (of any type) or snapshot of this name is there.
Result<bool> exists(const std::string& name);
// Values in the order of `names`, exact numbers; "-" where there is none.
Result<std::vector<std::string>> properties(const std::string& dataset, const std::vector<std::string>& names);
Status set(const std::string& dataset, std::string_view property, std::string_view value);
// What was written to it before is counted in its properties after this; else some seconds later.
Status write_out(const std::string& dataset);

// Both of file systems and volumes of the whole pool: snapshots of one can be cloned to any place in it.
struct Clone {
  std::string dataset, origin;
};
Result<std::vector<Clone>> clones_of(const std::string& dataset);
Result<std::vector<std::string>> children_of(const std::string& dataset);
// Of this dataset alone, oldest first.
Result<std::vector<std::string>> snapshots_of(const std::string& dataset);

// The dataset that `path` means: itself when it has no '/' in front; else the one that is mounted there by its `mountpoint`
// property, or "/POOL/A" as a spelling of POOL/A. ENOENT: none.
Result<std::string> resolve(const std::string& path);

// Where this process sees a file system mounted.
struct Mounted {
  std::string directory;
  unsigned major = 0, minor = 0;
};
// Where the dataset's property `mountpoint` says; a legacy one anywhere.
Result<std::optional<Mounted>> mounted_at(const std::string& dataset);
// Pure. `place`: the directory where it is to be; empty: anywhere. A file system of fuse counts when root has mounted it: users
// choose the names of theirs (fusermount -o fsname=...,subtype=zfs).
std::optional<Mounted> find_mounted(const std::vector<os::MountEntry>& table, std::string_view dataset, std::string_view place);

// A clone of `snapshot` that is not mounted (zfs-fuse mounts new ones whatever their `canmount` says).
Status clone(const std::string& snapshot, const std::string& dataset, const std::string& mount_point);

}  // namespace berth::storage::zfs
