// Runs in: host commands that copy or remove a container.
#include "storage/tree/inode_flags.hpp"

#include "storage/tree/kernel_call.hpp"

namespace berth::storage {
namespace {

// Answers of file systems without such flags, or without one of them.
bool has_none(long outcome) { return outcome == -ENOTTY || outcome == -EOPNOTSUPP || outcome == -ENOSYS || outcome == -EINVAL; }

}  // namespace

// The kernel reads and writes an int, whatever the name of the request says of a long.
Result<unsigned> inode_flags(int fd, std::string_view path) {
  unsigned flags = 0;
  const long outcome = retried(SYS_ioctl, fd, FS_IOC_GETFLAGS, &flags);
  if (has_none(outcome)) return 0U;
  TRY(check(outcome, "ioctl(FS_IOC_GETFLAGS)", path));
  return flags;
}

long set_inode_flags(int fd, unsigned wanted, unsigned mask) {
  unsigned flags = 0;
  const long known = retried(SYS_ioctl, fd, FS_IOC_GETFLAGS, &flags);
  if (known < 0) return known;
  const unsigned changed = (flags & ~mask) | (wanted & mask);
  return changed == flags ? 0 : retried(SYS_ioctl, fd, FS_IOC_SETFLAGS, &changed);
}

Status copy_inode_flags(int fd, unsigned wanted, std::string_view path) {
  wanted &= kCopiedFlags;
  if (wanted == 0) return {};
  const unsigned locks = wanted & kLockFlags;
  long outcome = set_inode_flags(fd, wanted, wanted);
  const bool refused = has_none(outcome) || outcome == -EPERM;
  if (refused && locks == 0) return {};
  if (refused && locks != wanted) outcome = set_inode_flags(fd, locks, locks);
  if (outcome >= 0) return {};
  Error error = Error::from_errno(static_cast<int>(-outcome), "ioctl(FS_IOC_SETFLAGS)", path);
  if (!refused) return fail(std::move(error));
  return fail(
      std::move(error)
          .because("it is immutable or append-only, and the copy can't be made so: only root may, where the file system can")
          .hint("chattr -i -a on the file, then copy again"));
}

void forbid_copy_on_write(int fd) { static_cast<void>(set_inode_flags(fd, FS_NOCOW_FL, FS_NOCOW_FL)); }

}  // namespace berth::storage
