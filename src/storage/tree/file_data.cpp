// Runs in: host commands that copy a container.
#include "storage/tree/file_data.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include <algorithm>

#include "sys/raw.hpp"

namespace berth::storage {
namespace {

using sys::raw::call;

constexpr std::size_t kBuffer = 256 * 1024;
constexpr off_t kSmall = 128 * 1024;      // up to here a read and a write cost less than a copy inside the kernel
constexpr off_t kPiece = off_t{1} << 30;  // of one copy_file_range, so that a signal is served
constexpr off_t kBlock = 512;             // of st_blocks

std::unexpected<Error> refuse(long outcome, std::string_view operation, std::string_view path) {
  return fail(Error::from_errno(static_cast<int>(-outcome), operation, path));
}

// Answers that say "not this way" and nothing about the file.
bool is_unsupported(long outcome) {
  return outcome == -EOPNOTSUPP || outcome == -EXDEV || outcome == -ENOSYS || outcome == -ENOTTY;
}

}  // namespace

Status FileData::copy(int from, int to, const struct ::stat& info, std::string_view path) {
  if (info.st_size == 0) return {};
  if (share_) {
    const long outcome = call(SYS_ioctl, to, FICLONE, from);
    if (outcome == 0) return {};
    if (is_unsupported(outcome)) share_ = false;
    if (outcome == -ENOSPC || outcome == -EDQUOT) return refuse(outcome, "ioctl(FICLONE)", path);
  }
  if (info.st_blocks * kBlock < info.st_size) return copy_around_holes(from, to, info.st_size, path);
  return copy_range(from, to, 0, info.st_size, path);
}

Status FileData::copy_range(int from, int to, off_t begin, off_t end, std::string_view path) {
  if (by_kernel_ && end - begin > kSmall) TRY(copy_by_kernel(from, to, begin, end, path));
  return copy_by_hand(from, to, begin, end, path);
}

// Moves `begin` behind what was copied; what is left is for copy_by_hand.
Status FileData::copy_by_kernel(int from, int to, off_t& begin, off_t end, std::string_view path) {
  off_t target = begin;
  while (begin < end) {
    const long count = call(SYS_copy_file_range, from, &begin, to, &target, std::min(end - begin, kPiece), 0);
    if (count == -EINTR) continue;
    if (count == -ENOSPC || count == -EDQUOT || count == -EIO || count == -EFBIG) return refuse(count, "copy_file_range", path);
    if (is_unsupported(count)) by_kernel_ = false;
    if (count <= 0) return {};  // the end, or a file that only reads and writes (a swap file, an odd file system)
  }
  return {};
}

Status FileData::copy_by_hand(int from, int to, off_t begin, off_t end, std::string_view path) {
  buffer_.resize(kBuffer);
  while (begin < end) {
    const auto wanted = std::min(static_cast<std::size_t>(end - begin), buffer_.size());
    const long count = call(SYS_pread64, from, buffer_.data(), wanted, begin);
    if (count == -EINTR) continue;
    if (count < 0) return refuse(count, "read", path);
    if (count == 0) return {};
    for (long written = 0; written < count;) {
      const long part = call(SYS_pwrite64, to, buffer_.data() + written, count - written, begin + written);
      if (part == -EINTR) continue;
      if (part < 0) return refuse(part, "write", path);
      written += part;
    }
    begin += count;
  }
  return {};
}

Status FileData::copy_around_holes(int from, int to, off_t size, std::string_view path) {
  for (off_t at = 0; at < size;) {
    const long begin = call(SYS_lseek, from, at, SEEK_DATA);
    if (begin == -ENXIO) break;  // a hole up to the end
    if (begin == -EINVAL) {      // no holes known here
      TRY(copy_range(from, to, at, size, path));
      break;
    }
    if (begin < 0) return refuse(begin, "lseek(SEEK_DATA)", path);
    if (begin >= size) break;
    const long hole = call(SYS_lseek, from, begin, SEEK_HOLE);
    if (hole < 0 && hole != -ENXIO) return refuse(hole, "lseek(SEEK_HOLE)", path);
    const off_t end = hole < 0 ? size : std::min<off_t>(hole, size);
    TRY(copy_range(from, to, begin, end, path));
    at = end;
  }
  const long outcome = call(SYS_ftruncate, to, size);
  if (outcome < 0) return refuse(outcome, "truncate", path);
  return {};
}

}  // namespace berth::storage
