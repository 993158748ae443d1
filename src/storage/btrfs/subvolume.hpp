// Subvolumes of btrfs by descriptor: what is in them was made by a container, and may be changing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::storage::btrfs {

// The directory that a path's last component is in, and that component.
struct Place {
  Fd directory;
  std::string name;
};
Result<Place> place_of(const std::string& path);

bool is_btrfs(const std::string& path);
// Both are there, and on the same btrfs, mounted where it may be.
bool on_one_filesystem(const std::string& a, const std::string& b);
// `path` is the top of a subvolume; a symbolic link to one is not.
bool is_subvolume(const std::string& path);
bool is_subvolume(int fd);
Result<std::uint64_t> identity(int subvolume);

// One that lies in another, `path` from that one's top. Those in it are not among the list of nested_in(). An Error where one is
// in a directory that the caller may not pass: nothing is left out silently. Linux 4.18.
struct Nested {
  std::string path;
  std::uint64_t id = 0;
};
Result<std::vector<Nested>> nested_in(int subvolume);
// The same of a directory that is none.
Result<std::vector<Nested>> nested_below(int directory);
// Follows no symbolic link. ESTALE when it is another one meanwhile.
Result<Fd> open_nested(int subvolume, const Nested& nested);

// Where `path` below a subvolume is; no symbolic link on the way is followed.
Result<Place> place_below(int subvolume, const std::string& path);

// UUIDs in 32 hexadecimal digits; empty: it has none. `parent`: of what it is a snapshot of, as the kernel wrote it down.
// `received`: as whoever owned it said.
struct Lineage {
  std::string uuid, parent, received;
  [[nodiscard]] const std::string& sent() const { return received.empty() ? uuid : received; }
};
Result<Lineage> lineage(int subvolume);
// The UUID by which `btrfs send` names it to those that receive it: of the subvolume that it was received from, else its own.
Result<std::string> sent_uuid(int subvolume);
bool is_read_only(int subvolume);
Status set_read_only(int subvolume, bool read_only);

// An empty one, EEXIST where there is something.
Status create(const std::string& path);
// A snapshot of `source` with one of each subvolume in it at its place: writable all, or as they are in the source. What an Error
// leaves behind is the caller's to destroy.
Status snapshot_tree(int source, const Place& place);
// A writable one of this subvolume alone, with empty directories where those in it are.
Status snapshot_alone(int source, const Place& place);
// With all subvolumes in it, read-only ones too; whatever is not a subvolume by remove_tree(). An absent one is success. What is
// gone stays gone after a power cut.
Status destroy_tree(const std::string& path);
// EBUSY, before anything is removed: something is mounted there or below, or it is a subvolume that the kernel never deletes (the
// top, the default one) while what is in it could be.
Status check_destroy(const std::string& path);
// All that is written so far is on the device, and counted by the quota groups.
Status commit(int fd);

}  // namespace berth::storage::btrfs
