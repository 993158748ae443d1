// Runs in: every process.
#include "sys/file.hpp"

#include <sys/random.h>

#include "base/strings.hpp"
#include "sys/outcome.hpp"
#include "sys/replacement.hpp"

namespace berth::sys {

using detail::owned;
using detail::refusal;
using detail::retry;
using detail::status;

namespace {

constexpr std::size_t kFirstRead = 4096;
constexpr std::size_t kLargestRead = 1 << 20;

// A kernel attribute's refusal is about the value as much as about the file, so the Error shows both.
std::string datum_object(std::string_view path, std::string_view data) {
  constexpr std::size_t kShown = 120;
  std::string text = strings::cat(path, " <- \"");
  const std::string_view shown = strings::trim_right(data, "\n").substr(0, kShown);
  for (const char c : shown) {
    if (c == '\n')
      text += "\\n";
    else
      text += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  }
  return text + (data.size() > kShown ? "...\"" : "\"");
}

constexpr std::size_t kSuffixLetters = 10;

std::string random_suffix() {
  std::uint64_t value = 0;
  // A short answer only makes the name less random: O_EXCL still guards the file.
  (void)raw::call(SYS_getrandom, &value, sizeof value, GRND_NONBLOCK);
  std::string text = ".";
  for (std::size_t i = 0; i < kSuffixLetters; ++i, value /= 26) text += static_cast<char>('a' + value % 26);
  return text;
}

Result<struct ::stat> stat_at(int dir, const char* path, int flags, std::string_view name) {
  struct ::stat info{};
  TRY(status(raw::call(SYS_newfstatat, dir, path, &info, flags), "stat", name));
  return info;
}

}  // namespace

Result<Fd> open(const std::string& path, int flags, mode_t mode) { return open_at(AT_FDCWD, path, flags, mode); }

Result<Fd> open_at(int dir, const std::string& path, int flags, mode_t mode) {
  return owned(retry(SYS_openat, dir, path.c_str(), flags | O_CLOEXEC, mode), "open", path);
}

Result<Fd> open_at2(int dir, const std::string& path, int flags, mode_t mode, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags) | O_CLOEXEC);
  how.mode = mode;
  how.resolve = resolve;
  // EAGAIN: a rename raced with the walk, the kernel asks for another try (openat2(2)).
  constexpr int kRaces = 32;
  long result = -EAGAIN;
  for (int i = 0; i < kRaces && result == -EAGAIN; ++i) result = retry(SYS_openat2, dir, path.c_str(), &how, sizeof how);
  return owned(result, "openat2", path);
}

Result<std::size_t> read_some(int fd, std::span<char> buffer, std::string_view name) {
  const long count = retry(SYS_read, fd, buffer.data(), buffer.size());
  if (count < 0) return refusal(count, "read", name);
  return static_cast<std::size_t>(count);
}

Result<std::string> read_all(int fd, std::string_view name) {
  std::string text;
  std::size_t used = 0;
  for (std::size_t step = kFirstRead;; step = std::min(step * 2, kLargestRead)) {
    text.resize(used + step);
    while (used < text.size()) {
      const long count = retry(SYS_read, fd, text.data() + used, text.size() - used);
      if (count < 0) return refusal(count, "read", name);
      if (count == 0) {
        text.resize(used);
        return text;
      }
      used += static_cast<std::size_t>(count);
    }
  }
}

Result<std::string> read_file(const std::string& path) { return read_file_at(AT_FDCWD, path); }

Result<std::string> read_file_at(int dir, const std::string& path) {
  const Fd fd = TRY(open_at(dir, path, O_RDONLY));
  return read_all(fd.get(), path);
}

void fill_standard_descriptors(int flags) {
  for (int fd = 0; fd <= 2; ++fd) {
    if (raw::call(SYS_fcntl, fd, F_GETFD, 0) == -EBADF) (void)raw::call(SYS_openat, AT_FDCWD, "/dev/null", flags, 0);
  }
}

Status write_all(int fd, std::string_view data, std::string_view name) {
  while (!data.empty()) {
    const long count = retry(SYS_write, fd, data.data(), data.size());
    if (count < 0) return refusal(count, "write", name);
    if (count == 0) return refusal(-EIO, "write", name);
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Status write_attribute(const std::string& path, std::string_view data) { return write_attribute_at(AT_FDCWD, path, data); }

Status write_attribute_at(int dir, const std::string& path, std::string_view data) {
  const long opened = retry(SYS_openat, dir, path.c_str(), O_WRONLY | O_CLOEXEC, 0);
  if (opened < 0) return refusal(opened, "open", datum_object(path, data));
  const Fd fd(static_cast<int>(opened));
  const long count = retry(SYS_write, fd.get(), data.data(), data.size());
  if (count < 0) return refusal(count, "write", datum_object(path, data));
  if (static_cast<std::size_t>(count) != data.size()) return refusal(-EIO, "write", datum_object(path, data));
  return {};
}

bool is_replacement_of(std::string_view name, std::string_view base) {
  if (name.size() != base.size() + 1 + kSuffixLetters || !name.starts_with(base) || name[base.size()] != '.') return false;
  return name.substr(base.size() + 1).find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
}

Status replace_file(const std::string& path, std::string_view data, mode_t mode, Durable durable) {
  const std::string beside = path + random_suffix();
  const Fd fd = TRY(open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  Status outcome = write_all(fd.get(), data, beside);
  if (outcome && durable == Durable::kNow) outcome = sync_file(fd.get(), beside);
  if (outcome) outcome = rename(beside, path);
  if (!outcome) (void)raw::call(SYS_unlinkat, AT_FDCWD, beside.c_str(), 0);
  return outcome;
}

namespace {

// A size that changes between two calls is tried again.
template <typename Ask>
Result<std::string> text_of_unknown_size(std::string_view operation, std::string_view name, const Ask& ask) {
  for (;;) {
    const long size = ask(nullptr, std::size_t{0});
    if (size < 0) return refusal(size, operation, name);
    std::string text(static_cast<std::size_t>(size), '\0');
    const long got = ask(text.data(), text.size());
    if (got == -ERANGE) continue;
    if (got < 0) return refusal(got, operation, name);
    text.resize(static_cast<std::size_t>(got));
    return text;
  }
}

bool goes_with_the_text(std::string_view attribute) {
  return attribute.starts_with("user.") || attribute == "system.posix_acl_access";
}

Status give_attributes(int fd, const FileKind& like, std::string_view path) {
  for (const auto& [name, value] : like.attributes) {
    const long set = raw::call(SYS_fsetxattr, fd, name.c_str(), value.data(), value.size(), 0);
    if (set < 0) return refusal(set, "fsetxattr", strings::cat(path, ", ", name));
  }
  return {};
}

}  // namespace

Result<FileKind> kind_of(int fd, std::string_view name) {
  FileKind kind;
  kind.about = TRY(stat_fd(fd));
  auto names = text_of_unknown_size("flistxattr", name,
                                    [&](char* to, std::size_t size) { return raw::call(SYS_flistxattr, fd, to, size); });
  if (!names && names.error().code() == ENOTSUP) return kind;  // a file system without them
  if (!names) return fail(std::move(names.error()));
  for (const std::string_view attribute : strings::split_words(*names, std::string_view("\0", 1))) {
    if (!goes_with_the_text(attribute)) continue;
    const std::string text{attribute};
    kind.attributes.emplace_back(text, TRY(text_of_unknown_size("fgetxattr", name, [&](char* to, std::size_t size) {
                                   return raw::call(SYS_fgetxattr, fd, text.c_str(), to, size);
                                 })));
  }
  return kind;
}

Result<FileKind> kind_of(const std::string& path) {
  const Fd file = TRY(open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK));
  return kind_of(file.get(), path);
}

Status create_file_like(const std::string& path, std::string_view data, const FileKind& kind, Durable durable) {
  const struct ::stat& like = kind.about;
  constexpr mode_t kPrivate = 0600;  // until it belongs to whom it shall
  constexpr mode_t kPermissions = 0777;
  const Fd fd = TRY(open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kPrivate));
  const struct ::stat made = TRY(stat_fd(fd.get()));
  Status outcome;
  if (made.st_uid != like.st_uid || made.st_gid != like.st_gid)
    outcome = status(raw::call(SYS_fchown, fd.get(), like.st_uid, like.st_gid), "fchown", path);
  if (outcome) outcome = status(raw::call(SYS_fchmod, fd.get(), like.st_mode & kPermissions), "fchmod", path);
  if (outcome) outcome = give_attributes(fd.get(), kind, path);
  if (outcome) outcome = write_all(fd.get(), data, path);
  if (outcome && durable == Durable::kNow) outcome = sync_file(fd.get(), path);
  if (!outcome) (void)raw::call(SYS_unlinkat, AT_FDCWD, path.c_str(), 0);
  return outcome;
}

Status replace_file_like(const std::string& path, std::string_view data, const FileKind& like) {
  const std::string beside = path + random_suffix();
  TRY(create_file_like(beside, data, like));
  const Status outcome = rename(beside, path);
  if (!outcome) (void)raw::call(SYS_unlinkat, AT_FDCWD, beside.c_str(), 0);
  return outcome;
}

Status make_directory(const std::string& path, mode_t mode) { return make_directory_at(AT_FDCWD, path, mode); }

Status make_directory_at(int dir, const std::string& path, mode_t mode) {
  return status(raw::call(SYS_mkdirat, dir, path.c_str(), mode), "mkdir", path);
}

Status ensure_directory(const std::string& path, mode_t mode) {
  const long made = raw::call(SYS_mkdirat, AT_FDCWD, path.c_str(), mode);
  if (made == 0) return {};
  if (made == -EEXIST) {
    const struct ::stat info = TRY(stat(path));
    if (!S_ISDIR(info.st_mode)) return refusal(-ENOTDIR, "mkdir", path);
    return {};
  }
  const std::size_t slash = strings::trim_right(path, "/").rfind('/');
  if (made != -ENOENT || slash == std::string::npos || slash == 0) return refusal(made, "mkdir", path);
  TRY(ensure_directory(path.substr(0, slash), mode));
  const long again = raw::call(SYS_mkdirat, AT_FDCWD, path.c_str(), mode);
  return again == -EEXIST ? Status{} : status(again, "mkdir", path);
}

Status remove_directory(const std::string& path) {
  return status(raw::call(SYS_unlinkat, AT_FDCWD, path.c_str(), AT_REMOVEDIR), "rmdir", path);
}

Status unlink(const std::string& path) { return unlink_at(AT_FDCWD, path); }

Status unlink_at(int dir, const std::string& path, int flags) {
  return status(raw::call(SYS_unlinkat, dir, path.c_str(), flags), (flags & AT_REMOVEDIR) != 0 ? "rmdir" : "unlink", path);
}

Status rename(const std::string& from, const std::string& to) {
  return status(raw::call(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0), "rename",
                strings::cat(from, " -> ", to));
}

Status exchange(const std::string& a, const std::string& b) {
  constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE of <linux/fs.h>
  return status(raw::call(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), kExchange), "rename",
                strings::cat(a, " <-> ", b));
}

Status link(const std::string& from, const std::string& to, bool follow) {
  return status(raw::call(SYS_linkat, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), follow ? AT_SYMLINK_FOLLOW : 0), "link",
                strings::cat(from, " -> ", to));
}

Status symlink(const std::string& target, const std::string& path) {
  return status(raw::call(SYS_symlinkat, target.c_str(), AT_FDCWD, path.c_str()), "symlink", strings::cat(path, " -> ", target));
}

Status chmod(const std::string& path, mode_t mode) {
  return status(raw::call(SYS_fchmodat, AT_FDCWD, path.c_str(), mode), "chmod", path);
}

Status chown(const std::string& path, uid_t uid, gid_t gid) {
  return status(raw::call(SYS_fchownat, AT_FDCWD, path.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW), "chown", path);
}

Result<std::string> read_link(const std::string& path) {
  std::string target(256, '\0');
  for (;;) {
    const long length = raw::call(SYS_readlinkat, AT_FDCWD, path.c_str(), target.data(), target.size());
    if (length < 0) return refusal(length, "readlink", path);
    const auto used = static_cast<std::size_t>(length);
    if (used < target.size()) {
      target.resize(used);
      return target;
    }
    target.resize(target.size() * 2);  // perhaps cut off
  }
}

Result<struct ::stat> stat(const std::string& path) { return stat_at(AT_FDCWD, path.c_str(), 0, path); }
Result<struct ::stat> stat_link(const std::string& path) { return stat_at(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, path); }
Result<struct ::stat> stat_fd(int fd) { return stat_at(fd, "", AT_EMPTY_PATH, strings::cat("descriptor ", fd)); }

Result<struct ::statfs> stat_filesystem(const std::string& path) {
  struct ::statfs info{};
  TRY(status(retry(SYS_statfs, path.c_str(), &info), "statfs", path));
  return info;
}

bool exists(const std::string& path) {
  struct ::stat info{};
  return raw::call(SYS_newfstatat, AT_FDCWD, path.c_str(), &info, 0) == 0;
}

Result<Fd> memfd(const std::string& name, unsigned flags) {
  constexpr unsigned kCloseOnExec = 1;  // MFD_CLOEXEC
  return owned(raw::call(SYS_memfd_create, name.c_str(), flags | kCloseOnExec), "memfd_create", name);
}

Status seal(int fd) {
  return status(raw::call(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "fcntl",
                "F_ADD_SEALS");
}

Result<Fd> duplicate(int fd, int lowest) {
  return owned(raw::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest), "fcntl", strings::cat("F_DUPFD of descriptor ", fd));
}

Status set_close_on_exec(int fd, bool on) {
  return status(raw::call(SYS_fcntl, fd, F_SETFD, on ? FD_CLOEXEC : 0), "fcntl", strings::cat("F_SETFD of descriptor ", fd));
}

Status rewind(int fd) { return status(raw::call(SYS_lseek, fd, 0, 0), "lseek", strings::cat("descriptor ", fd)); }

Status truncate(int fd, std::string_view name) { return status(retry(SYS_ftruncate, fd, 0), "truncate", name); }

Status sync_file(int fd, std::string_view name) { return status(retry(SYS_fsync, fd), "fsync", name); }

Status sync_filesystem(int fd, std::string_view name) { return status(raw::call(SYS_syncfs, fd), "syncfs", name); }

Status set_nonblocking(int fd) {
  const std::string name = strings::cat("descriptor ", fd);
  const long flags = raw::call(SYS_fcntl, fd, F_GETFL);
  if (flags < 0) return refusal(flags, "fcntl", name);
  return status(raw::call(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK), "fcntl", name);
}

Result<int> control(int fd, unsigned long request, void* argument, std::string_view name) {
  const long result = retry(SYS_ioctl, fd, request, argument);
  if (result < 0) return refusal(result, "ioctl", name);
  return static_cast<int>(result);
}

void unlock_file(int fd) {
  struct ::flock whole{};
  whole.l_type = F_UNLCK;
  constexpr int kUnlock = 8;  // LOCK_UN of <sys/file.h>
  if (retry(SYS_fcntl, fd, F_OFD_SETLK, &whole) == -EINVAL) (void)retry(SYS_flock, fd, kUnlock);
}

Status lock_file(int fd, bool wait, std::string_view name) {
  struct ::flock whole{};
  whole.l_type = F_WRLCK;
  long result = retry(SYS_fcntl, fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole);
  if (result == -EINVAL) {
    constexpr int kExclusive = 2;    // LOCK_EX of <sys/file.h>
    constexpr int kNonBlocking = 4;  // LOCK_NB
    result = retry(SYS_flock, fd, wait ? kExclusive : kExclusive | kNonBlocking);
  }
  return status(result == -EACCES ? -EAGAIN : result, "lock", name);
}

Status lock_file_shared(int fd, std::string_view name) {
  struct ::flock whole{};
  whole.l_type = F_RDLCK;
  long result = retry(SYS_fcntl, fd, F_OFD_SETLKW, &whole);
  constexpr int kShared = 1;  // LOCK_SH of <sys/file.h>
  if (result == -EINVAL) result = retry(SYS_flock, fd, kShared);
  return status(result, "lock", name);
}

}  // namespace berth::sys
