// Where programs of the host (a template, a clone hook) see a root file system that is mounted nowhere.
#pragma once

#include <string>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "storage/attachment.hpp"

namespace berth::runtime {

// A mount namespace: a copy of the host's that gets what is mounted and unmounted there later, with the root at a place. Nothing
// of it is seen on the host. It lasts as long as this object and the programs that run in it, whatever ends them. The working
// directory of a program in it is the caller's by its path.
class RootNamespace {
 public:
  // The root of `view` at `path`, an absolute path; the directory is made when missing, and stays. A View that is a plain
  // directory needs no namespace and is seen where it is. For a View that has been in no RootNamespace before: the kernel moves a
  // detached mount once.
  static Result<RootNamespace> open(const storage::View& view, const std::string& path);
  // For HostProgram::mounts, ConfigHooks::mounts and os::Command::mounts; -1: the caller's.
  [[nodiscard]] int mounts() const { return mounts_.get(); }
  // Where programs in it see the root: LXC_ROOTFS_MOUNT.
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  RootNamespace(Fd mounts, std::string directory) : mounts_(std::move(mounts)), directory_(std::move(directory)) {}
  Fd mounts_;
  std::string directory_;
};

}  // namespace berth::runtime
