// Runs in: tests.
#include "loop_fs.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "lab.hpp"
#include "os/command.hpp"
#include "storage/overlay/layers.hpp"
#include "storage/tree/remove_tree.hpp"

namespace berth::storage::lab {

Result<std::unique_ptr<LoopFileSystem>> LoopFileSystem::make(const std::vector<std::string>& mkfs, std::uint64_t bytes,
                                                             const std::string& options) {
  std::unique_ptr<LoopFileSystem> made(new LoopFileSystem(make_directory()));
  const std::string image = made->base_ + "/image";
  const Fd file(::open(image.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) return fail(Error::from_errno(errno, "open", image));
  std::filesystem::create_directory(made->mounted_);
  std::vector<std::string> arguments(mkfs.begin() + 1, mkfs.end());
  arguments.push_back(image);
  TRY(run(mkfs.front(), arguments));
  TRY(run("mount", {"-o", options, image, made->mounted_}));  // mount(8) sets autoclear
  made->is_mounted_ = true;
  return made;
}

LoopFileSystem::~LoopFileSystem() {
  if (is_mounted_ && ::umount2(mounted_.c_str(), 0) != 0) {
    std::cerr << "something of the test is still in " << mounted_ << "\n";
    ::umount2(mounted_.c_str(), MNT_DETACH);
  }
  static_cast<void>(remove_tree(base_));
}

std::string loop_unusable(const std::string& mkfs) {
  if (overlay::needs_user_attributes()) return "mounting devices takes root of the host";
  if (!os::has_program(mkfs)) return "there is no " + mkfs;
  if (::access("/dev/loop-control", F_OK) != 0) return "no loop devices in this kernel";
  return "";
}

}  // namespace berth::storage::lab
