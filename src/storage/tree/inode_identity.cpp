// Runs in: host commands that copy a container; berth-archive.
#include "storage/tree/inode_identity.hpp"

#include <fcntl.h>
#include <linux/fs.h>

#include "storage/tree/kernel_call.hpp"

namespace berth::storage {
namespace {

// Answers of kernels and file systems that can't tell. Anything else must not pass for one: two names of a file would differ.
bool has_none(long outcome) {
  return outcome == -ENOSYS || outcome == -ENOTTY || outcome == -EOPNOTSUPP || outcome == -EINVAL || outcome == -EPERM;
}

}  // namespace

Result<InodeIdentity> identify(int file, const struct ::stat& info, std::string_view path) {
  InodeIdentity found{info.st_dev, info.st_ino, info.st_ctim.tv_sec, static_cast<std::uint32_t>(info.st_ctim.tv_nsec), 0};
  struct ::statx more{};
  const long told = retried(SYS_statx, file, "", AT_EMPTY_PATH, STATX_BTIME, &more);
  if (!has_none(told)) TRY(check(told, "statx", path));
  if (told == 0 && (more.stx_mask & STATX_BTIME) != 0) {
    found.seconds = more.stx_btime.tv_sec;
    found.nanoseconds = more.stx_btime.tv_nsec;
  }
  if (!S_ISREG(info.st_mode)) return found;
  // The kernel writes an int, whatever the name of the request says of a long.
  std::uint32_t generation = 0;
  const long numbered = retried(SYS_ioctl, file, FS_IOC_GETVERSION, &generation);
  if (has_none(numbered)) return found;
  TRY(check(numbered, "ioctl(FS_IOC_GETVERSION)", path));
  found.generation = generation;
  return found;
}

}  // namespace berth::storage
