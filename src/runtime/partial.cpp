// Runs in: the command.
#include "runtime/partial.hpp"

#include <fcntl.h>

#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

std::string mark_path(const std::string& directory) { return directory + "/partial"; }

struct ::flock whole_file() {
  struct ::flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

Result<Fd> open_mark(const std::string& path) {
  auto mark = sys::open(path, O_RDWR | O_NOFOLLOW);
  // LXC makes it with mode 0, which shuts its own maker out when he is not root.
  if (!mark && mark.error().code() == EACCES && sys::chmod(path, 0600)) mark = sys::open(path, O_RDWR | O_NOFOLLOW);
  return mark;
}

}  // namespace

Result<Creation> creation_state(const std::string& directory) {
  const auto mark = open_mark(mark_path(directory));
  if (!mark && (mark.error().code() == ENOENT || mark.error().code() == ENOTDIR)) return Creation::kNone;
  if (!mark) return fail(mark.error());
  struct ::flock lock = whole_file();
  const long outcome = sys::raw::call(SYS_fcntl, mark->get(), F_OFD_GETLK, &lock);
  if (outcome < 0) return fail(Error::from_errno(static_cast<int>(-outcome), "fcntl(F_OFD_GETLK)", mark_path(directory)));
  return lock.l_type == F_UNLCK ? Creation::kCrashed : Creation::kOngoing;
}

Result<Fd> begin_creation(const std::string& directory) {
  const std::string path = mark_path(directory);
  Fd mark = TRY(sys::open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0));
  struct ::flock lock = whole_file();
  const long outcome = sys::raw::call(SYS_fcntl, mark.get(), F_OFD_SETLK, &lock);
  if (outcome < 0) return fail(Error::from_errno(static_cast<int>(-outcome), "fcntl(F_OFD_SETLK)", path));
  return mark;
}

Status end_creation(const std::string& directory, Fd mark) {
  TRY(sys::unlink(mark_path(directory)));
  mark.reset();
  return {};
}

}  // namespace berth::runtime
