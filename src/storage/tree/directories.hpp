// The directories of a tree that is being copied: each is a pair of descriptors as long as it is worked on, and only a bounded
// number of them is open, whatever the depth and the width of the tree. What was closed is found again by its name or by "..",
// and known by its inode number: nobody can lead the copy elsewhere by moving directories.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "sys/file.hpp"

namespace berth::storage {

using FileIdentity = std::pair<dev_t, ino_t>;

struct Directory {
  Directory* above = nullptr;  // nullptr: the top
  std::string name;            // in the one above
  unsigned depth = 0;
  struct ::stat info{};                      // of the source
  struct ::stat copy_info{};                 // of the copy, as it was when it was opened first
  Fd from, to;                               // valid while pinned; `from` is not when the directory has vanished
  bool was_there = false;                    // in the copy, before it was begun
  bool vanished = false;                     // from the source, before its copy was complete
  std::vector<sys::DirectoryEntry> entries;  // from the beginning to the end of the work on it
  std::atomic<std::size_t> parts{0};         // of the entries, that are not done

 private:
  friend class Directories;
  unsigned pins = 0;   // somebody uses the descriptors
  unsigned users = 0;  // work that is still to be done in it
  unsigned below = 0;  // directories below it, and whatever else keeps it in memory
  std::list<Directory>::iterator self;
};

class Directories {
 public:
  // Keeps the descriptors of a directory open.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&& other) noexcept : owner_(other.owner_), directory_(std::exchange(other.directory_, nullptr)) {}
    Pin& operator=(Pin&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(directory_, other.directory_);
      return *this;
    }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() {
      if (directory_ != nullptr) owner_->unpin(*directory_);
    }
    [[nodiscard]] Directory* get() const { return directory_; }

   private:
    friend class Directories;
    Pin(Directories& owner, Directory& directory) : owner_(&owner), directory_(&directory) {}
    Directories* owner_ = nullptr;
    Directory* directory_ = nullptr;
  };

  explicit Directories(std::string shown) : shown_(std::move(shown)) {}

  // The top, which stays open to the end.
  Directory& set_top(Fd from, Fd to, const struct ::stat& info);
  // Another one below a pinned one, with one user. Its copy is opened when it is pinned.
  Directory& add(Directory& above, std::string name, Fd from, const struct ::stat& info);
  [[nodiscard]] Directory& top() { return all_.front(); }

  void add_users(Directory& directory, std::size_t count);
  // A user less. Without any, it is closed, and forgotten when nothing below it is left.
  void done(Directory& directory);
  // Never forgotten.
  void keep(Directory& directory);

  // Opens it if need be. `near`: a pinned directory from which it may be found by a shorter way than from the top, or nullptr.
  Result<Pin> pin(Directory& directory, const Directory* near);

  // "a/b/name" below the top; without a name the directory itself, "" the top.
  static std::string relative(const Directory& directory, std::string_view name = {});
  // For messages.
  [[nodiscard]] std::string path(const Directory& directory) const;

 private:
  using Side = Fd Directory::*;

  void unpin(Directory& directory);
  Status open(Directory& directory, const Directory* near);
  Status open_side(Directory& directory, Side side, const Directory* near);
  Result<Fd> walk(Directory& directory, Side side, const Directory* near);
  Status learn_copy(Directory& directory);
  void close_some();
  void forget(Directory* directory);
  [[nodiscard]] Result<Fd> opened(Result<Fd> fd, const Directory& directory, Side side) const;
  [[nodiscard]] Error lost(const Directory& directory, Side side) const;

  std::string shown_;
  std::mutex mutex_;
  std::list<Directory> all_;
  std::vector<Directory*> open_;  // the one opened first is the first; without the top
};

// Opens the entry `name` of a directory of the source: only what is on the same mount. EXDEV: something else is mounted there.
Result<Fd> open_on_mount(int directory, const std::string& name, int flags, dev_t device);

}  // namespace berth::storage
