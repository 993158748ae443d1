// Where a container's root file system is kept: one implementation a kind (the TYPE of lxc.rootfs.path = TYPE:PATH).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::storage {

// What a kind can do. Callers ask this, never for the name.
struct Traits {
  std::string_view name;  // the TYPE
  bool can_snapshot;      // snapshot() works: a new root that shares the unchanged data
  bool can_backup;        // a snapshot of the container can be taken: by snapshot(), or by a full copy
  bool needs_root;        // the caller must be privileged
  bool is_block;          // a file system on a device: it has a size, and must be mounted before its files can be seen
};

// All functions run in the command, with the container stopped unless the caller accepts an inconsistent copy. Paths are those of
// lxc.rootfs.path without the TYPE. What a function that fails has made is removed by the caller with destroy().
class BackingStore {
 public:
  [[nodiscard]] virtual const Traits& traits() const = 0;
  // A path that was written without a TYPE is of this kind. Looks, changes nothing; false for what does not exist.
  [[nodiscard]] virtual bool owns(const std::string& path) const = 0;
  // Where the root of the container in `directory` is, or will be. Pure.
  [[nodiscard]] virtual std::string place(const std::string& directory) const = 0;

  // An empty root, for a template to fill. EEXIST where there is one.
  virtual Status create(const std::string& path) const = 0;
  // A new root at `path` with all that the directory `source` holds: directory_of() of a root of any kind.
  virtual Status copy(const std::string& source, const std::string& path) const = 0;
  // A new root at `path` that shares its data with the one at `source`, of this kind. Refused without can_snapshot.
  virtual Status snapshot(const std::string& source, const std::string& path) const;
  // Removes the root; an absent one is success. May be repeated after an Error, which names what is in the way.
  virtual Status destroy(const std::string& path) const = 0;

  // A directory where the files can be seen, for as long as the root is neither started nor destroyed.
  [[nodiscard]] virtual Result<std::string> directory_of(const std::string& path) const = 0;

 protected:
  ~BackingStore() = default;
};

// In the order in which a path without TYPE is offered to them.
std::span<const BackingStore* const> stores();

// By name; empty = the first. Error: none has it (lists those there are), or it comes with a later release.
Result<const BackingStore*> find_store(std::string_view type);
// The one that a root file system belongs to: by `type`, where that is empty by asking each.
Result<const BackingStore*> store_of(std::string_view type, const std::string& path);

// "TYPE:PATH", as lxc.rootfs.path says it.
std::string rootfs_value(const BackingStore& store, std::string_view path);

}  // namespace berth::storage
