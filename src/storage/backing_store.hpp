// Where a container's root file system is kept: one implementation a kind (the TYPE of lxc.rootfs.path = TYPE:PATH), each in a
// folder of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "storage/attachment.hpp"
#include "storage/progress.hpp"

namespace berth::storage {

// What a kind can do. Callers ask this, never for the name.
struct Traits {
  std::string_view name;      // the TYPE
  bool can_create = true;     // create(), and so a full copy into it
  bool can_snapshot = false;  // snapshot(): a new root that shares the unchanged data
  bool can_backup = false;    // lxc-snapshot works: by snapshot(), or by a full copy
  bool can_resize = false;    // resize(), and usage() knows a limit
  bool can_send = false;      // send() and receive(), incremental ones too
  bool needs_root = false;    // the caller must be privileged
  bool is_block = false;      // a file system on a device: it has a size, and must be mounted before its files can be seen
  bool in_directory = false;  // roots lie in the container's directory, and move with it; else rename() moves them
  bool goes_at_once = false;  // destroy() takes all of a root or nothing: what is left after an Error is whole
};

// What --fstype, --fssize, --vgname and the like say, or the host's lxc.bdev.* where those are silent. Empty: the kind's default.
struct Specs {
  std::string directory{};  // --dir
  std::string fstype{};     // of a block device; default ext4
  std::uint64_t size = 0;   // bytes; default 1 GiB of a block device, unlimited elsewhere
  std::string zfs_root{};   // dataset above the new one
  std::string volume_group{}, logical_volume{}, thin_pool{};
  std::string rbd_name{}, rbd_pool{}, rbd_user{};
};

// Of the container that a root is for.
struct Owner {
  std::string directory;  // absolute
  std::string name;       // for what lies outside of it: unique among the containers that share a pool or a group
};

// Bytes.
struct Usage {
  std::uint64_t used = 0;                    // of the root's files, or of its device
  std::optional<std::uint64_t> limit{};      // what it may grow to: the file system's size, a quota
  std::optional<std::uint64_t> exclusive{};  // what would be free if it were destroyed, where the store knows it
};

// All functions run in the command. Paths are those of lxc.rootfs.path without the TYPE; nothing of them is trusted to be well
// formed. The container is stopped unless the caller accepts an inconsistent copy. A function that makes something takes it back
// before it returns an Error; what a process that was killed in it left is removed by destroy(). An Error names the object, and
// for a missing tool, group or pool says what to install or make.
class BackingStore {
 public:
  [[nodiscard]] virtual const Traits& traits() const = 0;
  // A path that was written without a TYPE is of this kind. Looks, changes nothing; false for what does not exist.
  [[nodiscard]] virtual bool owns(const std::string& path) const = 0;
  // Anything has the name `path`, whatever it is: a root, another file, a volume of another kind. This, not owns(), is what is
  // asked before something is made, moved or removed: an Error (a tool that failed, no such pool) is no "no". Default
  // (in_directory): an entry of that name.
  [[nodiscard]] virtual Result<bool> exists(const std::string& path) const;
  // Where the root of `owner` will be. Changes nothing; may ask the host (is there a pool?). Error: `specs` say what this kind
  // has not, or the host lacks what it needs; so this is the check before anything is made.
  [[nodiscard]] virtual Result<std::string> place(const Owner& owner, const Specs& specs) const = 0;

  // An empty root, mode 0755, for a template or a copy to fill. EEXIST where there is one.
  virtual Status create(const std::string& path, const Specs& specs) const = 0;
  // A new root at `path` with all that `source` of `from` holds. The default makes one of at least the source's size, with a file
  // system of its type unless `specs` name another, and copies file by file; a kind that knows better overrides it. Nothing of it
  // looks complete before it is.
  virtual Status copy(const BackingStore& from, const std::string& source, const std::string& path, const Specs& specs,
                      Progress& progress) const;
  // A new root at `path` that shares its data with the one at `source`, of this kind unless snapshots_of() names others, and of
  // its size unless `specs` say another (lvm: of a thick one that is the room for changes). Refused without can_snapshot.
  virtual Status snapshot(const BackingStore& from, const std::string& source, const std::string& path, const Specs& specs) const;
  // The path of a snapshot of `source` that is made for a root placed at `place` (what place() gave): snapshot() gets it, and
  // lxc.rootfs.path names it. For kinds whose paths name the source as well (LOWER:UPPER). Changes nothing. Default: `place`.
  [[nodiscard]] virtual Result<std::string> snapshot_path(const BackingStore& from, const std::string& source,
                                                          const std::string& place) const;
  // Roots of `from` can be the source of snapshot(). Default: its own kind, when it can_snapshot.
  [[nodiscard]] virtual bool snapshots_of(const BackingStore& from) const;
  // The root at `source` can be one, for a copy in `directory` (there or not yet). Default: snapshots_of().
  [[nodiscard]] virtual bool can_share(const BackingStore& from, const std::string& source, const std::string& directory) const;
  // A snapshot of `source` is of no use without it: the two are recorded in lxc_snapshots and lxc_rdepends. Default: no.
  [[nodiscard]] virtual Result<bool> snapshot_needs_source(const BackingStore& from, const std::string& source) const;
  // After snapshot() no data of files wait to be written: it made names and attributes alone, or its work is on the device.
  // Default: no.
  [[nodiscard]] virtual bool snapshot_settles(const BackingStore& from) const;
  // What would keep destroy() from ending, as far as it can be seen before anything is removed: EBUSY. destroy() asks this
  // itself. Default: nothing.
  [[nodiscard]] virtual Status check_destroy(const std::string& path) const;
  // Removes the root with what only it uses; an absent one is success. May be repeated after an Error, which names what is in the
  // way (EBUSY: in use, or others depend on it).
  virtual Status destroy(const std::string& path) const = 0;
  // Of roots outside of the container's directory: atomic, EEXIST where `to` is there. Default (in_directory): refused.
  virtual Status rename(const std::string& from, const std::string& to) const;
  // After create(), copy(), rename() or a move of the container's directory, what the root itself remembers of places (a mount
  // point) is brought up to date. May be repeated. Default: nothing.
  virtual Status moved(const std::string& path, const Owner& owner) const;

  // Makes the root reachable: devices connected, nothing mounted. `access` says whether it will be written to.
  [[nodiscard]] virtual Result<Attachment> attach(const std::string& path, Access access) const = 0;

  [[nodiscard]] virtual Result<Usage> usage(const std::string& path) const;
  // To `bytes`, also of a running container where the kind can. Never smaller than what is in it: refused before anything is
  // touched. 0: without a limit, where the kind has quotas. Refused without can_resize.
  virtual Status resize(const std::string& path, std::uint64_t bytes) const;

  // Streams, refused without can_send. What two sides share is a state: a read-only snapshot that goes with its root.
  //
  // Keeps the root as it is now, for send(). Returns the word that names this state on both sides. What a begin_send() that was
  // killed kept goes.
  [[nodiscard]] virtual Result<std::string> begin_send(const std::string& path) const;
  // That state to `output`: whole, or (`base` not empty) what has changed since the shared state of `base`, a root of this kind.
  virtual Status send(const std::string& path, const std::string& base, int output, Progress& progress) const;
  // `shared`: it becomes the shared state, and older ones go. Else it goes. Without one that was begun: the last one stays.
  virtual Status end_send(const std::string& path, bool shared) const;
  // Makes `path`, whose shared state is then the one that was sent. `base`: a root with the shared state that it was sent since.
  virtual Status receive(const std::string& path, const std::string& base, int input, Progress& progress) const;
  // Where the next difference of `path` starts: the word of its shared state. Empty: there is none. Changes nothing.
  [[nodiscard]] virtual Result<std::string> shared_state(const std::string& path) const;
  // Without it the next stream is a whole one. Absent is success.
  virtual Status forget_shared_state(const std::string& path) const;

 protected:
  ~BackingStore() = default;
  // "storage of type 'dir' can't WHAT", EOPNOTSUPP.
  [[nodiscard]] Error refusal(std::string_view what) const;
  // What a copy is made of: its files, seen, and what the copy shall be.
  struct Original {
    View view;
    std::string shown;  // its name in messages
    Specs specs;
  };
  // `specs` with what they leave open as the source has it, where both are on devices: the size, and the type of the file system.
  // Error: one of that type can't be made here.
  [[nodiscard]] Result<Original> open_original(const BackingStore& from, const std::string& source, const Specs& specs) const;
  // Copies the files of `original` into the new root at `path`.
  Status fill(const std::string& path, const Original& original, Progress& progress) const;
};

// In the order in which a path without TYPE is offered to them (LXC's).
std::span<const BackingStore* const> stores();

// By name; empty = dir. "overlayfs" is an old name of overlay. Error: none has it (lists those there are).
Result<const BackingStore*> find_store(std::string_view type);
// The one that a root file system belongs to: by `type`, where that is empty by asking each.
Result<const BackingStore*> store_of(std::string_view type, const std::string& path);

// "TYPE:PATH", as lxc.rootfs.path says it.
std::string rootfs_value(const BackingStore& store, std::string_view path);

}  // namespace berth::storage
