// Runs in: the command (lxc-destroy, lxc-create when it takes back what it made), and the destroy of an ephemeral container.
#include "storage/tree/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/strings.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::storage {
namespace {

// A tree may be deeper than this process may have descriptors: directories below this depth are moved up before they are emptied.
inline constexpr unsigned kMaxDepth = 64;
inline constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;

class Remover {
 public:
  explicit Remover(std::string top) : top_(std::move(top)) {}

  Status run(const std::vector<std::string>& keep) {
    do {  // opened anew each time: the position in a directory's list belongs to the descriptor
      const Fd directory = TRY(sys::open(top_, kDirectoryFlags));
      top_fd_ = directory.get();
      moved_ = false;
      TRY(empty(top_fd_, top_, 0, keep));
    } while (moved_);
    return {};
  }

 private:
  Status empty(int directory, const std::string& path, unsigned depth, const std::vector<std::string>& keep) {
    const auto entries = TRY(sys::list_directory_fd(directory, path));
    for (const auto& entry : entries) {
      if (std::ranges::find(keep, entry.name) != keep.end()) continue;
      TRY(remove_entry(directory, entry, path + "/" + entry.name, depth));
    }
    return {};
  }

  Status remove_entry(int directory, const sys::DirectoryEntry& entry, const std::string& path, unsigned depth) {
    if (entry.type != DT_DIR) {
      const long outcome = unlink(directory, entry.name, 0);
      if (outcome == 0 || outcome == -ENOENT) return {};
      // DT_UNKNOWN: the kernel says now that it is a directory after all.
      if (outcome != -EISDIR) return refuse(directory, entry.name, path, static_cast<int>(-outcome), "unlinkat");
    }
    if (depth >= kMaxDepth) return move_up(directory, entry.name, path);
    {
      const Fd child = TRY(enter(directory, entry.name, path));
      if (!child) return {};
      TRY(empty(child.get(), path, depth + 1, {}));
    }
    const long outcome = unlink(directory, entry.name, AT_REMOVEDIR);
    if (outcome == 0 || outcome == -ENOENT) return {};
    return refuse(directory, entry.name, path, static_cast<int>(-outcome), "rmdir");
  }

  static long unlink(int directory, const std::string& name, int flags) {
    return sys::raw::call(SYS_unlinkat, directory, name.c_str(), flags);
  }

  // Opens a directory of this mount; an owner without right to his own directory takes the right first.
  static Result<Fd> enter(int directory, const std::string& name, const std::string& path) {
    auto child = open_here(directory, name);
    if (!child && child.error().code() == EACCES) {
      (void)sys::raw::call(SYS_fchmodat, directory, name.c_str(), 0700);
      child = open_here(directory, name);
    }
    if (!child && child.error().code() == ENOENT) return Fd();
    if (!child) return refuse(directory, name, path, child.error().code(), "openat2");
    if (!sys::has(sys::Feature::kOpenat2) && !same_device(directory, child->get()))
      return refuse(directory, name, path, EXDEV, "openat");
    return child;
  }

  static Result<Fd> open_here(int directory, const std::string& name) {
    if (!sys::has(sys::Feature::kOpenat2)) return sys::open_at(directory, name, kDirectoryFlags);
    constexpr std::uint64_t kResolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
    return sys::open_at2(directory, name, kDirectoryFlags, 0, kResolve);
  }

  static bool same_device(int a, int b) {
    const auto first = sys::stat_fd(a);
    const auto second = sys::stat_fd(b);
    return first && second && first->st_dev == second->st_dev;
  }

  Status move_up(int directory, const std::string& name, const std::string& path) {
    for (;;) {
      const std::string target = strings::cat(".berth-removing-", counter_++);
      const long outcome = sys::raw::call(SYS_renameat2, directory, name.c_str(), top_fd_, target.c_str(), kNoReplace);
      if (outcome == -EEXIST) continue;
      if (outcome < 0) return refuse(directory, name, path, static_cast<int>(-outcome), "renameat2");
      moved_ = true;
      return {};
    }
  }

  static std::unexpected<Error> refuse(int directory, const std::string& name, const std::string& path, int code,
                                       std::string_view call) {
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

  static bool has_lock_attribute(int directory, const char* name, int flags) {
    struct ::statx info{};
    constexpr std::uint64_t kLocks = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
    const long outcome = sys::raw::call(SYS_statx, directory, name, flags | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info);
    return outcome == 0 && (info.stx_attributes & kLocks) != 0;
  }
  static bool is_locked(int directory, const std::string& name) {
    return has_lock_attribute(directory, name.c_str(), 0) || has_lock_attribute(directory, "", AT_EMPTY_PATH);
  }

  static constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE of <linux/fs.h>, which clashes with <sys/mount.h>
  std::string top_;
  int top_fd_ = -1;
  unsigned counter_ = 0;
  bool moved_ = false;
};

}  // namespace

Status remove_contents(const std::string& path, const std::vector<std::string>& keep) { return Remover(path).run(keep); }

Status remove_tree(const std::string& path) {
  const auto info = sys::stat_link(path);
  if (!info && info.error().code() == ENOENT) return {};
  if (!info) return fail(info.error());
  if (!S_ISDIR(info->st_mode)) return sys::unlink(path);
  TRY(remove_contents(path, {}));
  auto removed = sys::remove_directory(path);
  if (!removed && removed.error().code() == EBUSY)
    return fail(Error(std::move(removed.error())).because("something is mounted there").hint("unmount it, then destroy again"));
  return removed;
}

}  // namespace berth::storage
