// Runs in: the command that exports a container.
#include "runtime/backup/archive_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/strings.hpp"
#include "os/paths.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr mode_t kArchiveMode = 0600, kPermissions = 07777;  // the first: it holds /etc/shadow
constexpr int kOpen = O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
constexpr int kMostTries = 10;

Error is_written(const std::string& path) {
  return Error::message("another process is writing this archive", EBUSY).because(path + " is locked");
}

Error is_foreign(const std::string& path, std::string_view why) {
  return Error::message(strings::cat(path, " is there, and no export left it"), EEXIST)
      .because(strings::cat(why, "; the archive has that name while it is written"))
      .hint("move it away, or choose another name for the archive");
}

bool is_same(const struct ::stat& a, const struct ::stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

// Who may read what is written to it is said by who made it, and by who may have it open.
Status check_left_by_export(const std::string& path, const struct ::stat& info) {
  if (!S_ISREG(info.st_mode)) return fail(is_foreign(path, "it is no regular file"));
  if (info.st_uid != ::geteuid()) return fail(is_foreign(path, "it belongs to another user"));
  if ((info.st_mode & kPermissions) != kArchiveMode)
    return fail(is_foreign(path, "others may have been able to read or write it"));
  if (info.st_nlink != 1) return fail(is_foreign(path, "it has another name"));
  return {};
}

Result<os::FileLock> make(const std::string& path) {
  Fd file = TRY(sys::open(path, kOpen | O_CREAT | O_EXCL, kArchiveMode));
  TRY(sys::chmod(strings::cat("/proc/self/fd/", file.get()), kArchiveMode));  // whatever the umask is
  auto lock = TRY(os::FileLock::try_acquire_fd(std::move(file), path));
  if (!lock) return fail(is_written(path));
  return std::move(*lock);
}

// Nothing: it went meanwhile. An export that was killed between its last two steps left it as a second name of the archive.
Result<std::optional<os::FileLock>> take_over(const std::string& path, const std::string& target) {
  const auto there = sys::stat_link(path);
  if (!there && there.error().code() == ENOENT) return std::nullopt;
  if (!there) return fail(there.error());
  const auto archive = sys::stat_link(target);
  const bool is_archive = S_ISREG(there->st_mode) && archive && is_same(*archive, *there);
  if (!is_archive) TRY(check_left_by_export(path, *there));
  Fd file = TRY(sys::open(path, kOpen));
  auto lock = TRY(os::FileLock::try_acquire_fd(std::move(file), path));
  if (!lock) return fail(is_written(path));
  // Whoever held the lock before may have brought it to its place.
  const auto info = TRY(sys::stat_fd(lock->fd())), now = sys::stat_link(path).value_or(info);
  if (!sys::stat_link(path) || !is_same(now, info)) return std::nullopt;
  if (is_archive) {
    TRY(sys::unlink(path));
    return std::nullopt;
  }
  TRY(check_left_by_export(path, info));
  TRY(sys::truncate(lock->fd(), path));
  return lock;
}

}  // namespace

Result<os::FileLock> open_partial(const std::string& target) {
  const std::string path = target + ".partial";
  for (int tries = 0; tries < kMostTries; ++tries) {
    auto made = make(path);
    if (made || made.error().code() != EEXIST) return made;
    auto taken = TRY(take_over(path, target));
    if (taken) return std::move(*taken);
  }
  return fail(is_written(path));
}

std::string directory_of(const std::string& path) {
  const std::string parent{os::parent(path)};
  return parent.empty() ? (path.starts_with('/') ? "/" : ".") : parent;
}

Status put_in_place(const os::FileLock& partial, const std::string& target, bool replace) {
  if (replace) {
    TRY(sys::rename(partial.path(), target));
  } else {
    TRY(sys::link(partial.path(), target));  // which a file of that name refuses
    TRY(sys::unlink(partial.path()));
  }
  const std::string parent = directory_of(target);
  const Fd directory = TRY(sys::open(parent, O_RDONLY | O_DIRECTORY));
  return sys::sync_file(directory.get(), parent);
}

}  // namespace berth::runtime
