// Runs in: host commands that copy a container.
#include "storage/tree/entry_copier.hpp"

#include <dirent.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/strings.hpp"
#include "storage/tree/inode_flags.hpp"
#include "storage/tree/kernel_call.hpp"
#include "sys/process.hpp"

namespace berth::storage {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
constexpr int kFile = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
constexpr mode_t kPrivateFile = 0600, kPrivateDirectory = 0700, kPlainPermissions = 0777, kPermissions = 07777;
constexpr int kMostLooks = 20;
constexpr std::chrono::milliseconds kLeasePause{20}, kLeasePatience{60000};  // /proc/sys/fs/lease-break-time is 45 s
constexpr std::size_t kPartSize = 64;                                        // entries that one thread does alone

bool has_code(const Error& error, int code) { return error.code() == code; }

}  // namespace

void EntryCopier::run() {
  std::optional<CopyPart> part;
  while (job_.work.next(part))
    if (auto outcome = copy_part(*part); !outcome) job_.fail_with(std::move(outcome.error()));
  here_ = {};
}

Status EntryCopier::copy_part(const CopyPart& part) {
  here_ = TRY(job_.directories.pin(*part.directory, here_.get()));
  prefix_ = job_.directories.path(*part.directory) + "/";
  Directory& directory = *part.directory;
  if (part.is_new) TRY(begin_directory());
  const std::size_t end = part.is_new ? std::min(kPartSize, directory.entries.size()) : part.end;
  for (std::size_t at = part.begin; at < end && !directory.vanished; ++at) {
    TRY(job_.state.wanted());
    TRY(copy_entry(directory.entries[at]));
  }
  if (directory.parts.fetch_sub(1) == 1) TRY(end_directory());
  job_.directories.done(directory);
  return {};
}

// --- directories
// ----------------------------------------------------------------------------------------------------------------- Reads what is
// in it, and leaves all but the first part to whoever has time.
Status EntryCopier::begin_directory() {
  Directory& directory = *here_.get();
  if (!directory.vanished) {
    auto entries = sys::list_directory_fd(from(), prefix_);
    if (!entries && !has_code(entries.error(), ENOENT)) return fail(std::move(entries.error()));
    if (entries) directory.entries = std::move(*entries);
  }
  const std::size_t count = directory.entries.size();
  const std::size_t parts = std::max<std::size_t>(1, (count + kPartSize - 1) / kPartSize);
  directory.parts = parts;
  job_.directories.add_users(directory, parts - 1);
  for (std::size_t at = parts - 1; at > 0; --at)
    job_.work.push({&directory, false, at * kPartSize, std::min(count, (at + 1) * kPartSize)});
  return {};
}

// All its entries are there, if not what is in them. The top keeps everybody out until the whole copy is done.
Status EntryCopier::end_directory() {
  Directory& directory = *here_.get();
  std::vector<sys::DirectoryEntry>().swap(directory.entries);
  if (directory.above == nullptr) return {};
  const std::string path = job_.directories.path(directory);
  const Born born{true, directory.copy_info.st_uid, directory.copy_info.st_gid, true, directory.copy_info.st_mode & kPermissions};
  if (directory.vanished) {
    const struct ::timespec times[2] = {directory.info.st_atim, directory.info.st_mtim};
    return check(retried(SYS_utimensat, to(), nullptr, &times[0], 0), "utimensat", path);
  }
  TRY(job_.attributes.copy(from(), to(), directory.info, born, path));
  return copy_inode_flags(to(), TRY(inode_flags(from(), path)), path);
}

Status EntryCopier::copy_directory(const Entry& entry) {
  auto from = open_source(entry.name, kDirectory);
  if (!from) return copy_unopened(entry, from.error());
  struct ::stat info{};
  TRY(check(retried(SYS_fstat, from->get(), &info), "fstat", entry.path));
  const Directory& top = job_.directories.top();
  if (info.st_dev == top.copy_info.st_dev && info.st_ino == top.copy_info.st_ino)
    return fail(Error::message("the copy lies inside of what is copied")
                    .because(strings::cat("it is ", entry.path))
                    .hint("choose another directory for the copy"));
  const long made = retried(SYS_mkdirat, to(), entry.name.c_str(), kPrivateDirectory);
  const bool was_there = made == -EEXIST && job_.fills && here_.get() == &top;  // lost+found
  if (!was_there) TRY(check(made, "mkdir", entry.path));
  Directory& found = job_.directories.add(*here_.get(), entry.name, std::move(*from), info);
  found.was_there = was_there;
  job_.work.push({&found, true});
  return {};
}

// --- entries
// ---------------------------------------------------------------------------------------------------------------------
// One that goes and comes back, or becomes something else, between two looks at it is looked at again.
Status EntryCopier::copy_entry(const sys::DirectoryEntry& listed) {
  const Entry entry{listed.name, prefix_ + listed.name};
  unsigned char type = listed.type;
  for (int look = 1;; ++look) {
    Status outcome = copy_as(entry, type);
    if (outcome || !has_code(outcome.error(), ENOENT)) return outcome;
    retried(SYS_unlinkat, to(), entry.name.c_str(), 0);  // made before its source went
    if (has_gone(entry.name)) return {};
    if (look == kMostLooks)
      return fail(Error::message(strings::cat(entry.path, " changed all the time while it was copied"), EAGAIN)
                      .because(outcome.error().line())
                      .hint("stop the container, then copy again"));
    type = DT_UNKNOWN;
  }
}

Status EntryCopier::copy_as(const Entry& entry, unsigned char type) {
  if (type == DT_DIR) return copy_directory(entry);
  if (type == DT_REG) return copy_regular(entry);
  return copy_special(entry);
}

bool EntryCopier::has_gone(const std::string& name) const {
  struct ::stat info{};
  return retried(SYS_newfstatat, from(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == -ENOENT;
}

// EAGAIN: somebody has a lease of the file (F_SETLEASE). The kernel has told him, and takes it from him when its time is over.
Result<Fd> EntryCopier::open_source(const std::string& name, int flags) {
  for (std::chrono::milliseconds waited{0};; waited += kLeasePause) {
    auto fd = open_at_once(name, flags);
    if (fd || !has_code(fd.error(), EAGAIN) || waited > kLeasePatience) return fd;
    TRY(job_.state.wanted());
    sys::sleep_for(kLeasePause);
  }
}

Result<Fd> EntryCopier::open_at_once(const std::string& name, int flags) {
  const dev_t device = job_.directories.top().info.st_dev;
  const int quiet = job_.no_access_time.load(std::memory_order_relaxed);
  auto fd = open_on_mount(from(), name, flags | quiet, device);
  if (fd || !has_code(fd.error(), EPERM) || quiet == 0) return fd;
  job_.no_access_time = 0;  // only for the owner and root
  return open_on_mount(from(), name, flags, device);
}

// `error`: why it could not be opened as what the directory's list says it is.
Status EntryCopier::copy_unopened(const Entry& entry, const Error& error) {
  switch (error.code()) {
    case EXDEV:  // something is mounted there
      return copy_mount_point(entry);
    case ELOOP:  // replaced since the list was read
    case ENOTDIR:
    case ENXIO:
      return copy_special(entry);
    default:
      return fail(Error::from_errno(error.code(), "open", entry.path));
  }
}

Status EntryCopier::copy_regular(const Entry& entry) {
  auto from = open_source(entry.name, kFile);
  if (!from) return copy_unopened(entry, from.error());
  struct ::stat info{};
  TRY(check(retried(SYS_fstat, from->get(), &info), "fstat", entry.path));
  if (!S_ISREG(info.st_mode)) return copy_special(entry);
  std::optional<HardLinks::Claim> claim;
  if (TRY(linked(entry, from->get(), info, claim))) return {};
  return copy_content(entry, from->get(), info, claim ? std::move(*claim) : HardLinks::Claim());
}

Status EntryCopier::copy_content(const Entry& entry, int from, const struct ::stat& info, HardLinks::Claim claim) {
  const unsigned flags = TRY(inode_flags(from, entry.path));
  const mode_t mode = info.st_mode & kPlainPermissions;
  const long made = retried(SYS_openat, to(), entry.name.c_str(), kNewFile, mode);
  TRY(check(made, "open", entry.path));
  const Fd to(static_cast<int>(made));
  claim.made(*here_.get(), entry.name);
  if ((flags & FS_NOCOW_FL) != 0) forbid_copy_on_write(to.get());
  TRY(data_.copy(from, to.get(), info, entry.path));
  job_.state.progress.advance(0, 1);
  TRY(job_.attributes.copy(from, to.get(), info, born(mode), entry.path));
  return set_flags(entry, to.get(), flags, info);
}

Status EntryCopier::set_flags(const Entry& entry, int to, unsigned flags, const struct ::stat& info) {
  if ((flags & kLockFlags) == 0 || info.st_nlink < 2) return copy_inode_flags(to, flags, entry.path);
  job_.set_late(*here_.get(), entry.name, flags);
  return {};
}

// A file that is made here is the process's own, unless the file system gives it to another; the directory shows that.
Born EntryCopier::born(mode_t mode) const {
  const struct ::stat& made = here_.get()->copy_info;
  Born born{made.st_uid == job_.user && made.st_gid == job_.group, job_.user, job_.group, false, mode};
  born.mode_known = !here_.get()->was_there && (mode & job_.umask) == 0;
  return born;
}

Result<struct ::stat> EntryCopier::stat_of(const Entry& entry) {
  struct ::stat info{};
  TRY(check(retried(SYS_newfstatat, from(), entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW), "stat", entry.path));
  return info;
}

// For its path alone. ENOENT: it is of another kind now.
Result<Fd> EntryCopier::hold(const Entry& entry, struct ::stat& info) {
  const long opened = retried(SYS_openat, from(), entry.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  TRY(check(opened, "open", entry.path));
  Fd held(static_cast<int>(opened));
  const mode_t kind = info.st_mode & S_IFMT;
  TRY(check(retried(SYS_fstat, held.get(), &info), "fstat", entry.path));
  TRY(check((info.st_mode & S_IFMT) == kind ? 0 : -ENOENT, "open", entry.path));
  return held;
}

// Links, fifos, sockets, device nodes; and what the directory's list had no type for. What has several names is held open: what
// it is known by and what is copied are of one file, even when another takes its place meanwhile.
Status EntryCopier::copy_special(const Entry& entry) {
  auto info = TRY(stat_of(entry));
  if (S_ISDIR(info.st_mode)) return copy_directory(entry);
  if (S_ISREG(info.st_mode)) return copy_regular(entry);
  std::optional<HardLinks::Claim> claim;
  Fd held;
  if (info.st_nlink > 1) held = TRY(hold(entry, info));
  if (TRY(linked(entry, held.get(), info, claim))) return {};
  const mode_t kind = info.st_mode & S_IFMT;
  if (S_ISLNK(info.st_mode))
    TRY(make_link(entry, held));
  else
    TRY(check(retried(SYS_mknodat, to(), entry.name.c_str(), kind | kPrivateFile, info.st_rdev), "mknod", entry.path));
  if (claim) claim->made(*here_.get(), entry.name);
  job_.state.progress.advance(0, 1);
  return job_.attributes.copy_entry(from(), to(), entry.name, info, entry.path);
}

// The place for a mount, with the permissions of what is mounted: what lies below can't be seen.
Status EntryCopier::copy_mount_point(const Entry& entry) {
  const auto info = TRY(stat_of(entry));
  const mode_t mode = info.st_mode & kPlainPermissions;
  if (S_ISDIR(info.st_mode)) return check(retried(SYS_mkdirat, to(), entry.name.c_str(), mode), "mkdir", entry.path);
  return check(retried(SYS_mknodat, to(), entry.name.c_str(), S_IFREG | mode, 0), "mknod", entry.path);
}

Status EntryCopier::make_link(const Entry& entry, const Fd& held) {
  char target[PATH_MAX];
  const long length = held ? retried(SYS_readlinkat, held.get(), "", &target[0], sizeof target - 1)
                           : retried(SYS_readlinkat, from(), entry.name.c_str(), &target[0], sizeof target - 1);
  TRY(check(length == -EINVAL ? -ENOENT : length, "readlink", entry.path));  // EINVAL: no link any more
  target[length] = '\0';
  return check(retried(SYS_symlinkat, &target[0], to(), entry.name.c_str()), "symlink", entry.path);
}

// True: the file was there under another name already, and has been linked. Else the claim says who makes it.
Result<bool> EntryCopier::linked(const Entry& entry, int file, const struct ::stat& info,
                                 std::optional<HardLinks::Claim>& claim) {
  if (info.st_nlink < 2) return false;
  HardLinks::Place earlier;
  claim.emplace(job_.links.claim(TRY(identify(file, info, entry.path)), earlier));
  if (earlier.directory == nullptr) return false;
  const std::string path = Directories::relative(*earlier.directory, earlier.name);
  TRY(check(link_below(job_.directories.top().to.get(), path, to(), entry.name), "link", entry.path));
  job_.state.progress.advance(0, 1);
  return true;
}

}  // namespace berth::storage
