// Runs in: host commands that copy a container.
#include "storage/tree/file_data.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include <algorithm>

#include "storage/tree/kernel_call.hpp"

namespace berth::storage {
namespace {

constexpr std::size_t kBuffer = 256 * 1024;
constexpr off_t kSmall = 256 * 1024;      // up to here a read and a write cost less than a copy inside the kernel
constexpr off_t kPiece = off_t{4} << 20;  // of one copy_file_range, so that a wish to end is heard soon
constexpr off_t kBlock = 512;             // of st_blocks

// Answers that say "not this way" and nothing about the file.
bool is_unsupported(long outcome) {
  return outcome == -EOPNOTSUPP || outcome == -EXDEV || outcome == -ENOSYS || outcome == -ENOTTY;
}

bool is_full(long outcome) { return outcome == -ENOSPC || outcome == -EDQUOT; }

}  // namespace

Status CopyState::wanted() const {
  if (!stopped.load(std::memory_order_relaxed) && !progress.cancelled()) return {};
  return fail("the copy was cancelled", ECANCELED);
}

Status FileData::copy(int from, int to, const struct ::stat& info, std::string_view path) {
  if (info.st_size == 0) return {};
  if (state_.share.load(std::memory_order_relaxed)) {
    const long outcome = retried(SYS_ioctl, to, FICLONE, from);
    if (outcome == 0) {
      done(std::min<long>(info.st_size, info.st_blocks * kBlock));
      return {};
    }
    if (is_unsupported(outcome)) state_.share = false;
    if (is_full(outcome)) return refuse(outcome, "ioctl(FICLONE)", path);
  }
  if (info.st_blocks * kBlock < info.st_size) return copy_around_holes(from, to, info.st_size, path);
  return copy_range(from, to, 0, info.st_size, path);
}

Status FileData::copy_range(int from, int to, off_t begin, off_t end, std::string_view path) {
  if (state_.by_kernel.load(std::memory_order_relaxed) && end - begin > kSmall) TRY(copy_by_kernel(from, to, begin, end, path));
  return copy_by_hand(from, to, begin, end, path);
}

// Moves `begin` behind what was copied; what is left is for copy_by_hand.
Status FileData::copy_by_kernel(int from, int to, off_t& begin, off_t end, std::string_view path) {
  off_t target = begin;
  while (begin < end) {
    TRY(state_.wanted());
    const long count = retried(SYS_copy_file_range, from, &begin, to, &target, std::min(end - begin, kPiece), 0);
    if (is_full(count) || count == -EIO || count == -EFBIG) return refuse(count, "copy_file_range", path);
    if (is_unsupported(count)) state_.by_kernel = false;
    if (count <= 0) return {};  // the end, or a file that only reads and writes (a swap file, an odd file system)
    done(count);
  }
  return {};
}

Status FileData::copy_by_hand(int from, int to, off_t begin, off_t end, std::string_view path) {
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kBuffer);
  while (begin < end) {
    if (end - begin > kSmall) TRY(state_.wanted());
    const auto wanted = std::min(static_cast<std::size_t>(end - begin), kBuffer);
    const long count = retried(SYS_pread64, from, buffer_.get(), wanted, begin);
    if (count < 0) return refuse(count, "read", path);
    if (count == 0) return {};
    for (long written = 0; written < count;) {
      const long part = retried(SYS_pwrite64, to, buffer_.get() + written, count - written, begin + written);
      if (part <= 0) return refuse(part == 0 ? -EIO : part, "write", path);
      written += part;
    }
    begin += count;
    done(count);
  }
  return {};
}

Status FileData::copy_around_holes(int from, int to, off_t size, std::string_view path) {
  for (off_t at = 0; at < size;) {
    TRY(state_.wanted());
    const long begin = retried(SYS_lseek, from, at, SEEK_DATA);
    if (begin == -ENXIO) break;  // a hole up to the end
    if (begin == -EINVAL) {      // no holes known here
      TRY(copy_range(from, to, at, size, path));
      break;
    }
    if (begin < 0) return refuse(begin, "lseek(SEEK_DATA)", path);
    if (begin >= size) break;
    const long hole = retried(SYS_lseek, from, begin, SEEK_HOLE);
    if (hole < 0 && hole != -ENXIO) return refuse(hole, "lseek(SEEK_HOLE)", path);
    const off_t end = hole < 0 ? size : std::min<off_t>(hole, size);
    TRY(copy_range(from, to, begin, end, path));
    at = end;
  }
  return check(retried(SYS_ftruncate, to, size), "truncate", path);
}

}  // namespace berth::storage
