// Runs in: the starting command.
#include <sys/stat.h>

#include "base/strings.hpp"
#include "os/command.hpp"
#include "runtime/attach_root.hpp"
#include "runtime/host_steps.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {

// A path without a type that leads nowhere is a directory that is missing, as far as its user is concerned.
bool is_plain_root(const config::RootfsConf& rootfs) {
  if (!rootfs.type.empty()) return rootfs.type == "dir" || rootfs.type == "btrfs";
  if (rootfs.path.empty()) return true;
  const auto about = sys::stat(rootfs.path);
  return about ? S_ISDIR(about->st_mode) : rootfs.path.starts_with('/');
}

AttachedRoot::~AttachedRoot() {
  device.reset();
  if (!ours_ || !mount) return;
  for (const auto& words : mount->releases) {
    auto program = RunningProgram::start(words, {strings::cat("PATH=", os::kSearchPath)});
    if (program) [[maybe_unused]]
      const auto status = sys::wait_pidfd(program->pidfd());  // the start's own failure is what is told
  }
}

}  // namespace berth::runtime
