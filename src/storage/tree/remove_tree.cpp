// Runs in: the command (lxc-destroy, lxc-create when it takes back what it made), and the destroy of an ephemeral container.
#include "storage/tree/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/strings.hpp"
#include "storage/tree/directories.hpp"
#include "storage/tree/kernel_call.hpp"
#include "storage/tree/locks.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

// Directories this much above the one that is emptied are closed on the way down, and found again by ".." on the way up.
constexpr std::size_t kOpenLevels = 32;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;

struct Level {
  std::string name;  // in the directory above
  Fd fd;             // closed while it is not needed
  FileIdentity identity{};
  std::vector<sys::DirectoryEntry> entries;
};

class Remover {
 public:
  explicit Remover(std::string top) : top_(std::move(top)) {}

  Status run(const std::vector<std::string>& keep) {
    const bool is_own = top_.starts_with("/proc/self/fd/");
    TRY(enter({}, TRY(sys::open(top_, is_own ? kDirectory & ~O_NOFOLLOW : kDirectory))));
    std::erase_if(levels_.back().entries,
                  [&keep](const auto& entry) { return std::ranges::find(keep, entry.name) != keep.end(); });
    for (;;) {
      Level& level = levels_.back();
      if (level.entries.empty()) {
        if (levels_.size() == 1) return {};
        TRY(leave());
        continue;
      }
      const sys::DirectoryEntry entry = std::move(level.entries.back());
      level.entries.pop_back();
      TRY(remove_entry(level.fd.get(), entry));
    }
  }

 private:
  // For messages. Made when it is needed: a deep tree has long ones.
  [[nodiscard]] std::string path_of(const std::string& name) const {
    std::string path = top_;
    for (const Level& level : levels_)
      if (!level.name.empty()) path.append("/").append(level.name);
    return name.empty() ? path : path.append("/").append(name);
  }

  Status remove_entry(int directory, const sys::DirectoryEntry& entry) {
    if (entry.type != DT_DIR) {
      const long outcome = unlink(directory, entry.name, 0);
      if (outcome == 0 || outcome == -ENOENT) return {};
      // DT_UNKNOWN: the kernel says now that it is a directory after all.
      if (outcome != -EISDIR) return refused(directory, entry.name, static_cast<int>(-outcome), "unlinkat");
    }
    Fd child = TRY(open_below(directory, entry.name));
    return child ? enter(entry.name, std::move(child)) : Status();
  }

  static long unlink(int directory, const std::string& name, int flags) {
    const long outcome = retried(SYS_unlinkat, directory, name.c_str(), flags);
    if (outcome != -EPERM) return outcome;
    const Unlocked unlocked(directory, name);
    return unlocked.changed() ? retried(SYS_unlinkat, directory, name.c_str(), flags) : outcome;
  }

  Status enter(const std::string& name, Fd fd) {
    Level level;
    level.name = name;
    struct ::stat info{};
    TRY(check(retried(SYS_fstat, fd.get(), &info), "fstat", path_of(name)));
    level.identity = {info.st_dev, info.st_ino};
    auto entries = sys::list_directory_fd(fd.get(), levels_.empty() ? top_ : name);
    if (!entries) return refuse(-entries.error().code(), "getdents64", path_of(name));
    level.entries = std::move(*entries);
    level.fd = std::move(fd);
    levels_.push_back(std::move(level));
    if (levels_.size() > kOpenLevels) levels_[levels_.size() - kOpenLevels - 1].fd.reset();
    return {};
  }

  // Out of a directory that is empty now, and removes it.
  Status leave() {
    const Level done = std::move(levels_.back());
    levels_.pop_back();
    Level& above = levels_.back();
    if (!above.fd) above.fd = TRY(reopen_above(done, above));
    const long outcome = unlink(above.fd.get(), done.name, AT_REMOVEDIR);
    if (outcome == 0 || outcome == -ENOENT) return {};
    return refused(above.fd.get(), done.name, static_cast<int>(-outcome), "rmdir");
  }

  Result<Fd> reopen_above(const Level& below, const Level& wanted) {
    const long opened = retried(SYS_openat, below.fd.get(), "..", kDirectory | O_CLOEXEC);
    TRY(check(opened, "open", path_of({})));
    Fd fd(static_cast<int>(opened));
    struct ::stat info{};
    TRY(check(retried(SYS_fstat, fd.get(), &info), "fstat", path_of({})));
    if (FileIdentity{info.st_dev, info.st_ino} == wanted.identity) return fd;
    return fail(Error::message(strings::cat("the directory ", path_of(below.name), " was moved while it was removed"), EAGAIN)
                    .hint("stop what uses it, then destroy again"));
  }

  // A directory of this mount; an owner without right to his own directory takes the right first. Invalid: it has gone.
  Result<Fd> open_below(int directory, const std::string& name) {
    const dev_t device = levels_.front().identity.first;
    auto child = open_on_mount(directory, name, kDirectory, device);
    if (!child && child.error().code() == EACCES) {
      static_cast<void>(retried(SYS_fchmodat, directory, name.c_str(), 0700));
      child = open_on_mount(directory, name, kDirectory, device);
    }
    if (!child && child.error().code() == ENOENT) return Fd();
    if (!child) return refused(directory, name, child.error().code(), "openat2");
    return child;
  }

  [[nodiscard]] std::unexpected<Error> refused(int directory, const std::string& name, int code, std::string_view call) const {
    const std::string path = path_of(name);
    Error error = Error::from_errno(code, call, path).context("cannot remove a file of the container");
    if (code == EXDEV || code == EBUSY) {
      error = std::move(error)
                  .because("something is mounted there")
                  .hint(strings::cat("umount ", strings::shell_quote(path), ", then destroy again"));
    } else if (code == EPERM && is_locked(directory, name)) {
      error = std::move(error)
                  .because("the file or its directory has the immutable or append-only attribute")
                  .hint(strings::cat("chattr -R -i -a ", strings::shell_quote(path.substr(0, path.rfind('/')))));
    }
    return fail(std::move(error));
  }

  std::string top_;
  std::vector<Level> levels_;
};

// The directory that holds it is somebody else's, and keeps its flags.
Status remove_top(const std::string& path) {
  auto removed = sys::remove_directory(path);
  if (!removed && removed.error().code() == EPERM) {
    const Fd top = TRY(sys::open(path, kDirectory));
    const Unlocked unlocked(top.get(), ".");
    if (unlocked.changed()) removed = sys::remove_directory(path);
  }
  if (!removed && removed.error().code() == EBUSY)
    return fail(Error(std::move(removed.error())).because("something is mounted there").hint("unmount it, then destroy again"));
  return removed;
}

}  // namespace

Status remove_contents(const std::string& path, const std::vector<std::string>& keep) { return Remover(path).run(keep); }

Status remove_emptied(const std::string& path) {
  auto removed = remove_top(path);
  const int code = removed ? 0 : removed.error().code();
  return code == ENOTEMPTY || code == EEXIST || code == ENOENT ? Status{} : removed;
}

Status remove_tree(const std::string& path) {
  const auto info = sys::stat_link(path);
  if (!info && info.error().code() == ENOENT) return {};
  if (!info) return fail(info.error());
  if (!S_ISDIR(info->st_mode)) return sys::unlink(path);
  TRY(remove_contents(path, {}));
  return remove_top(path);
}

}  // namespace berth::storage
