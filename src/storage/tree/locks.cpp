// Runs in: host commands that remove a container.
#include "storage/tree/locks.hpp"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include "base/strings.hpp"
#include "storage/tree/inode_flags.hpp"
#include "storage/tree/kernel_call.hpp"

namespace berth::storage {
namespace {

// Never a device: opening one may do something.
Fd open_plain(int directory, const std::string& name) {
  const long found = retried(SYS_openat, directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (found < 0) return {};
  const Fd place(static_cast<int>(found));
  struct ::stat info{};
  if (retried(SYS_fstat, place.get(), &info) < 0 || (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))) return {};
  const std::string path = strings::cat("/proc/self/fd/", place.get());
  const long opened = retried(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  return opened < 0 ? Fd() : Fd(static_cast<int>(opened));
}

unsigned locks_of(int fd) { return inode_flags(fd, {}).value_or(0) & kLockFlags; }

bool unlock(int fd) { return locks_of(fd) != 0 && set_inode_flags(fd, 0, kLockFlags) >= 0; }

bool has_lock(int directory, const char* name, int flags) {
  struct ::statx info{};
  constexpr std::uint64_t kLocks = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
  const long outcome = retried(SYS_statx, directory, name, flags | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info);
  return outcome == 0 && (info.stx_attributes & kLocks) != 0;
}

}  // namespace

Unlocked::Unlocked(int directory, const std::string& name) : file_(open_plain(directory, name)), changed_(unlock(directory)) {
  if (!file_) return;
  flags_ = locks_of(file_.get());
  if (unlock(file_.get()))
    changed_ = true;
  else
    flags_ = 0;
}

Unlocked::~Unlocked() {
  struct ::stat info{};
  if (flags_ == 0 || retried(SYS_fstat, file_.get(), &info) < 0 || info.st_nlink == 0) return;
  static_cast<void>(set_inode_flags(file_.get(), flags_, kLockFlags));
}

bool is_locked(int directory, const std::string& name) {
  return has_lock(directory, name.c_str(), 0) || has_lock(directory, "", AT_EMPTY_PATH);
}

}  // namespace berth::storage
