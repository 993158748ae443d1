// A root that can be reached, and its files seen from this process.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::storage {

enum class Access { kRead, kWrite };

// What mounting the root takes: plain data, for a mount of this process or for the plan of a start.
struct MountSource {
  std::string directory{};  // bound; empty: a new mount of the rest
  std::string fstype{}, device{};
  // For fsconfig(2), in this order; an empty value is a flag. Commas in values are no separators here.
  std::vector<std::pair<std::string, std::string>> options{};
};

// Lasts as long as the object: after that, and after SIGKILL, the kernel takes back what is not in use (a loop device), and
// `releases` say what it does not.
struct Attachment {
  MountSource mount{};
  Fd device{};                                       // held open until the root is mounted: a loop device of its own
  std::string hold{};                                // the device's path, for whoever else must hold it (a monitor); may be empty
  std::vector<std::vector<std::string>> releases{};  // programs with arguments, to be run after the last use, in this order
  // In place of them, where this process does it: it can take locks, and look who has the device by then.
  std::function<Status()> release_here{};

  Attachment() = default;
  Attachment(Attachment&&) = default;
  Attachment& operator=(Attachment&&) = delete;
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  // Does what release() does, unless they were handed over: what can't be told here is left for `berth doctor`.
  ~Attachment();
  // Runs the releases, or what stands for them, and says what failed.
  Status release();
  // Somebody else (a container's monitor) runs them.
  std::vector<std::vector<std::string>> hand_over();
};

// The root's files. No mount is to be seen by anybody else, and none is left when the process is killed.
class View {
 public:
  View(View&&) = default;
  View& operator=(View&&) = delete;
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View();
  // Mounts it for this process alone, at no place: a detached mount.
  static Result<View> open(Attachment attachment, Access access);
  // Absolute; valid in this process while the View lives. The directory of a store of directories itself; else below
  // /proc/self/fd.
  [[nodiscard]] const std::string& directory() const { return directory_; }
  // The detached mount, for whoever wants it at a place of a mount namespace of its own; invalid when the root is a plain
  // directory.
  [[nodiscard]] const Fd& mount() const { return mount_; }
  // Ends it, and tells what a destructor could not.
  Status close();

 private:
  View(Attachment attachment, Fd mount, std::string directory);

  Fd mount_;  // goes before the attachment
  Attachment attachment_;
  std::string directory_;
};

}  // namespace berth::storage
