// Runs in: host commands that copy a container.
#include "storage/tree/copy_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

#include "base/strings.hpp"
#include "storage/tree/attributes.hpp"
#include "storage/tree/file_data.hpp"
#include "storage/tree/hard_links.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::storage {
namespace {

using sys::raw::call;

// Directories deeper than this below an open one are closed on the way down, and found again by ".." on the way up.
constexpr std::size_t kOpenLevels = 32;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
constexpr int kFile = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY;
constexpr mode_t kPrivateFile = 0600, kPrivateDirectory = 0700;

struct Frame {
  std::string name;  // in the directory above
  Fd from, to;       // closed while they are not needed
  struct ::stat info{};
  std::pair<dev_t, ino_t> to_identity{};
  std::vector<sys::DirectoryEntry> entries;
  std::size_t next = 0;
};

Status check(long outcome, std::string_view operation, std::string_view path) {
  if (outcome >= 0) return {};
  return fail(Error::from_errno(static_cast<int>(-outcome), operation, path));
}

bool has_code(const Error& error, int code) { return error.code() == code; }

class Copier {
 public:
  Copier(std::string source, std::string destination) : source_(std::move(source)), destination_(std::move(destination)) {}

  Status run() {
    Fd from = TRY(open_source(AT_FDCWD, source_, kDirectory & ~O_NOFOLLOW, 0));
    TRY(check(call(SYS_mkdirat, AT_FDCWD, destination_.c_str(), kPrivateDirectory), "mkdir", destination_));
    TRY(enter(AT_FDCWD, destination_, std::move(from)));
    TRY(forget_inherited(top().to.get(), destination_));
    while (!frames_.empty()) TRY(top().next < top().entries.size() ? copy_next() : leave());
    return {};
  }

 private:
  Frame& top() { return frames_.back(); }

  // For messages: the path in the source.
  [[nodiscard]] std::string path_of(std::string_view name) const { return strings::cat(source_, "/", relative(name)); }
  [[nodiscard]] std::string relative(std::string_view name) const {
    std::string path;
    for (std::size_t i = 1; i < frames_.size(); ++i) path.append(frames_[i].name).append("/");
    return path.append(name);
  }

  // Below the top one: only what is on the same mount. EXDEV: something else is mounted there.
  Result<Fd> open_source(int directory, const std::string& name, int flags, std::uint64_t resolve) {
    auto fd = resolve == 0 ? sys::open_at(directory, name, flags | no_access_time_)
                           : sys::open_at2(directory, name, flags | no_access_time_, 0, resolve);
    if (fd || !has_code(fd.error(), EPERM) || no_access_time_ == 0) return fd;
    no_access_time_ = 0;  // only for the owner and root
    return open_source(directory, name, flags, resolve);
  }

  Result<Fd> open_entry(const std::string& name, int flags) {
    constexpr std::uint64_t kResolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
    if (sys::has(sys::Feature::kOpenat2)) return open_source(top().from.get(), name, flags, kResolve);
    Fd fd = TRY(open_source(top().from.get(), name, flags, 0));
    if (TRY(sys::stat_fd(fd.get())).st_dev != frames_.front().info.st_dev) return fail("something is mounted there", EXDEV);
    return fd;
  }

  // --- directories -----------------------------------------------------------------------------------------------------------
  // Into the directory `name`, which exists on both sides.
  Status enter(int to_parent, const std::string& name, Fd from) {
    Frame frame;
    frame.name = name;
    frame.from = std::move(from);
    frame.to = TRY(sys::open_at(to_parent, name, kDirectory));
    frame.info = TRY(sys::stat_fd(frame.from.get()));
    TRY(check_not_the_copy(frame));
    frame.entries = TRY(sys::list_directory_fd(frame.from.get(), frames_.empty() ? source_ : path_of(name)));
    frames_.push_back(std::move(frame));
    if (frames_.size() > kOpenLevels + 1) return rest(frames_[frames_.size() - kOpenLevels - 1]);
    return {};
  }

  Status check_not_the_copy(const Frame& frame) {
    if (frames_.empty()) {
      const auto info = TRY(sys::stat_fd(frame.to.get()));
      copy_identity_ = {info.st_dev, info.st_ino};
    } else if (std::pair{frame.info.st_dev, frame.info.st_ino} == copy_identity_) {
      return fail(Error::message("the copy lies inside of what is copied")
                      .because(strings::cat(destination_, " is below ", source_))
                      .hint("choose another directory for the copy"));
    }
    return {};
  }

  Status leave() {
    Frame done = std::move(top());
    frames_.pop_back();
    const std::string path = frames_.empty() ? source_ : path_of(done.name);
    TRY(copy_attributes(done.from.get(), done.to.get(), done.info, path));
    return frames_.empty() ? Status{} : wake(top(), done);
  }

  // The first one stays open: hard links start there.
  Status rest(Frame& frame) {
    if (&frame == &frames_.front()) return {};
    const auto info = TRY(sys::stat_fd(frame.to.get()));
    frame.to_identity = {info.st_dev, info.st_ino};
    frame.from.reset();
    frame.to.reset();
    return {};
  }

  Status wake(Frame& frame, const Frame& child) {
    if (frame.to.valid()) return {};
    frame.from = TRY(reopen_above(child.from.get(), {frame.info.st_dev, frame.info.st_ino}, child.name));
    frame.to = TRY(reopen_above(child.to.get(), frame.to_identity, child.name));
    return {};
  }

  Result<Fd> reopen_above(int child, std::pair<dev_t, ino_t> identity, const std::string& name) {
    Fd fd = TRY(sys::open_at(child, "..", kDirectory));
    const auto info = TRY(sys::stat_fd(fd.get()));
    if (std::pair{info.st_dev, info.st_ino} == identity) return fd;
    return fail(Error::message(strings::cat("the directory ", path_of(name), " was moved while it was copied"), EAGAIN)
                    .hint("stop the container, then copy again"));
  }

  // --- entries ---------------------------------------------------------------------------------------------------------------
  Status copy_next() {
    Frame& frame = top();
    const sys::DirectoryEntry entry = std::move(frame.entries[frame.next++]);
    Status outcome;
    if (entry.type == DT_DIR)
      outcome = copy_directory(entry.name);
    else if (entry.type == DT_REG)
      outcome = copy_regular(entry.name);
    else
      outcome = copy_special(entry.name);
    if (outcome) return {};
    return has_code(outcome.error(), ENOENT) && vanished(entry.name) ? Status{} : outcome;
  }

  bool vanished(const std::string& name) {
    struct ::stat info{};
    return call(SYS_newfstatat, top().from.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == -ENOENT;
  }

  // `error`: why it could not be opened as what the directory's list says it is.
  Status copy_unopened(const std::string& name, const Error& error) {
    switch (error.code()) {
      case EXDEV:  // something is mounted there
        return copy_mount_point(name);
      case ELOOP:  // replaced since the list was read
      case ENOTDIR:
      case ENXIO:
        return copy_special(name);
      default:
        return fail(Error::from_errno(error.code(), "open", path_of(name)));
    }
  }

  Status copy_directory(const std::string& name) {
    auto from = open_entry(name, kDirectory);
    if (!from) return copy_unopened(name, from.error());
    TRY(check(call(SYS_mkdirat, top().to.get(), name.c_str(), kPrivateDirectory), "mkdir", path_of(name)));
    return enter(top().to.get(), name, std::move(*from));
  }

  Status copy_regular(const std::string& name) {
    auto from = open_entry(name, kFile);
    if (!from) return copy_unopened(name, from.error());
    const auto info = TRY(sys::stat_fd(from->get()));
    if (!S_ISREG(info.st_mode)) return copy_special(name);
    if (TRY(linked(name, info))) return {};
    const std::string path = path_of(name);
    const long made = call(SYS_openat, top().to.get(), name.c_str(), kNewFile | O_CLOEXEC, kPrivateFile);
    TRY(check(made, "open", path));
    const Fd to(static_cast<int>(made));
    TRY(data_.copy(from->get(), to.get(), info, path));
    return copy_attributes(from->get(), to.get(), info, path);
  }

  // Links, fifos, sockets, device nodes; and what the directory's list had no type for.
  Status copy_special(const std::string& name) {
    struct ::stat info{};
    const std::string path = path_of(name);
    TRY(check(call(SYS_newfstatat, top().from.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW), "stat", path));
    if (S_ISDIR(info.st_mode)) return copy_directory(name);
    if (S_ISREG(info.st_mode)) return copy_regular(name);
    if (TRY(linked(name, info))) return {};
    TRY(S_ISLNK(info.st_mode) ? make_link(name, path) : make_node(name, info, path));
    return copy_attributes_of_entry(top().from.get(), top().to.get(), name, info, path);
  }

  // The place for a mount, with the permissions of what is mounted: what lies below can't be seen.
  Status copy_mount_point(const std::string& name) {
    struct ::stat info{};
    const std::string path = path_of(name);
    const int to = top().to.get();
    TRY(check(call(SYS_newfstatat, top().from.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW), "stat", path));
    if (S_ISDIR(info.st_mode)) return check(call(SYS_mkdirat, to, name.c_str(), info.st_mode & 0777), "mkdir", path);
    return check(call(SYS_mknodat, to, name.c_str(), S_IFREG | (info.st_mode & 0777), 0), "mknod", path);
  }

  Status make_link(const std::string& name, const std::string& path) {
    std::string target(PATH_MAX, '\0');
    const long length = call(SYS_readlinkat, top().from.get(), name.c_str(), target.data(), target.size() - 1);
    TRY(check(length, "readlink", path));
    target.resize(static_cast<std::size_t>(length));
    return check(call(SYS_symlinkat, target.c_str(), top().to.get(), name.c_str()), "symlink", path);
  }

  Status make_node(const std::string& name, const struct ::stat& info, const std::string& path) {
    const mode_t mode = (info.st_mode & S_IFMT) | kPrivateFile;
    return check(call(SYS_mknodat, top().to.get(), name.c_str(), mode, info.st_rdev), "mknod", path);
  }

  // True: the file was there under another name already, and has been linked.
  Result<bool> linked(const std::string& name, const struct ::stat& info) {
    if (info.st_nlink < 2) return false;
    const std::string* earlier = links_.find(info);
    if (earlier == nullptr) {
      links_.remember(info, relative(name));
      return false;
    }
    TRY(check(link_below(frames_.front().to.get(), *earlier, top().to.get(), name), "link", path_of(name)));
    return true;
  }

  std::string source_, destination_;
  int no_access_time_ = O_NOATIME;
  std::vector<Frame> frames_;
  std::pair<dev_t, ino_t> copy_identity_{};
  FileData data_;
  HardLinks links_;
};

// A full disk is the usual reason.
Status with_hint(Status outcome) {
  if (outcome) return outcome;
  const int code = outcome.error().code();
  Error error = std::move(outcome.error()).context("cannot copy the root file system");
  if (code == ENOSPC || code == EDQUOT) error = std::move(error).hint("make room, or copy to another file system");
  return fail(std::move(error));
}

}  // namespace

Status copy_tree(const std::string& source, const std::string& destination) {
  return with_hint(Copier(source, destination).run());
}

Status copy_file(const std::string& source, const std::string& destination) {
  const Fd from = TRY(sys::open(source, kFile & ~O_NOFOLLOW));
  const auto info = TRY(sys::stat_fd(from.get()));
  if (!S_ISREG(info.st_mode)) return fail(Error::message(strings::cat(source, " is no regular file")));
  const Fd to = TRY(sys::open(destination, kNewFile, kPrivateFile));
  TRY(FileData().copy(from.get(), to.get(), info, source));
  return copy_attributes(from.get(), to.get(), info, source);
}

}  // namespace berth::storage
