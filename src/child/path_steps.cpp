// Runs in: the container's first process, between clone and exec (no libc, no heap).
// Every path below the container's root is the guest's to shape: none is followed through a symbolic link, but for steps in a
// running container whose root is the process's own (kStepFollowLinks).
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "child/frame.hpp"

namespace berth::child {
namespace {

constexpr int kCloexec = O_CLOEXEC;

const char* skip_slashes(const char* path) {
  while (*path == '/') ++path;
  return path;
}

// Copies the next component of `path` to `name` and returns what follows it.
template <std::size_t N>
const char* next_component(const char* path, char (&name)[N]) {
  path = skip_slashes(path);
  std::size_t size = 0;
  while (*path != '\0' && *path != '/' && size + 1 < N) name[size++] = *path++;
  name[size] = '\0';
  return skip_slashes(path);
}

bool is_link(int fd) {
  struct stat about;
  return sys::raw::call(SYS_newfstatat, fd, "", &about, AT_EMPTY_PATH) == 0 && S_ISLNK(about.st_mode);
}

// The fallback for kernels without openat2: one component at a time, O_NOFOLLOW, no "..".
long walk(int root, const char* path, int flags, unsigned mode) {
  char name[256];
  path = skip_slashes(path);
  if (*path == '\0') return sys::raw::call(SYS_openat, root, ".", flags | kCloexec, mode);
  ScopedFd current(sys::raw::call(SYS_openat, root, ".", O_PATH | O_DIRECTORY | kCloexec));
  if (!current.valid()) return current.error();
  for (;;) {
    path = next_component(path, name);
    if (equal(name, "..")) return -EXDEV;
    if (*path == '\0') {
      ScopedFd last(sys::raw::call(SYS_openat, current.get(), name, flags | O_NOFOLLOW | kCloexec, mode));
      if (last.valid() && (flags & O_PATH) != 0 && is_link(last.get())) return -ELOOP;
      return last.valid() ? last.release() : last.error();
    }
    const long next = sys::raw::call(SYS_openat, current.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW | kCloexec);
    if (next < 0) return next == -ENOTDIR ? -ELOOP : next;
    sys::raw::call(SYS_dup3, next, current.get(), kCloexec);
    sys::raw::call(SYS_close, next);
  }
}

long create_leaf(Frame& frame, const Split& split, std::int64_t options) {
  ScopedFd parent(open_in_root(frame, split.directory, O_PATH | O_DIRECTORY));
  if (!parent.valid()) return parent.error();
  if ((options & kTargetCreateDirectory) != 0) return sys::raw::call(SYS_mkdirat, parent.get(), split.name, 0755);
  ScopedFd made(sys::raw::call(SYS_openat, parent.get(), split.name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | kCloexec, 0644));
  return made.valid() ? 0 : made.error();
}

}  // namespace

bool split_last(const char* path, Split& out) {
  std::size_t size = 0;
  std::size_t slash = 0;
  path = skip_slashes(path);
  for (; path[size] != '\0'; ++size) {
    if (size + 1 >= kPathMax) return false;
    out.directory[size] = path[size];
    if (path[size] == '/' && path[size + 1] != '\0' && path[size + 1] != '/') slash = size + 1;
  }
  while (size > slash && path[size - 1] == '/') --size;
  if (size - slash >= sizeof out.name) return false;
  for (std::size_t i = slash; i < size; ++i) out.name[i - slash] = path[i];
  out.name[size - slash] = '\0';
  out.directory[slash] = '\0';
  return true;
}

Text<40> descriptor_path(int fd) {
  Text<40> path;
  path.add("/proc/self/fd/").add(static_cast<long>(fd));
  return path;
}

long open_in_root(Frame& frame, const char* path, int flags, unsigned mode) {
  if (frame.flag(kStepNoOpenat2)) return walk(frame.context.root_fd, path, flags, mode);
  open_how how = {};
  how.flags = static_cast<std::uint64_t>(flags | kCloexec);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (!frame.flag(kStepFollowLinks)) how.resolve |= RESOLVE_NO_SYMLINKS;
  const char* relative = skip_slashes(path);
  for (;;) {
    // EAGAIN: a rename raced with the walk; the kernel asks to try again.
    const long fd = sys::raw::call(SYS_openat2, frame.context.root_fd, *relative == '\0' ? "." : relative, &how, sizeof how);
    if (fd != -EAGAIN && fd != -EINTR) return fd;
  }
}

long make_directories(Frame& frame, const char* path, unsigned mode) {
  Text<kPathMax> so_far;
  char name[256];
  path = skip_slashes(path);
  while (*path != '\0') {
    path = next_component(path, name);
    ScopedFd parent(open_in_root(frame, so_far.c_str(), O_PATH | O_DIRECTORY));
    if (!parent.valid()) return parent.error();
    const long made = sys::raw::call(SYS_mkdirat, parent.get(), name, mode);
    if (made < 0 && made != -EEXIST) {
      // A read-only root with the directory in place answers EROFS, not EEXIST.
      struct stat about;
      if (sys::raw::call(SYS_newfstatat, parent.get(), name, &about, AT_SYMLINK_NOFOLLOW) < 0) return made;
    }
    so_far.add("/").add(name);
  }
  return 0;
}

long open_target(Frame& frame, const char* path, std::int64_t options) {
  const long fd = open_in_root(frame, path, O_PATH);
  if (fd != -ENOENT || (options & (kTargetCreateDirectory | kTargetCreateFile)) == 0) return fd;
  Split split;
  if (!split_last(path, split)) return -ENAMETOOLONG;
  const long parents = make_directories(frame, split.directory, 0755);
  if (parents < 0) return parents;
  const long created = create_leaf(frame, split, options);
  if (created < 0 && created != -EEXIST) return created;
  return open_in_root(frame, path, O_PATH);
}

int step_make_directory(Frame& frame) {
  return check(frame, make_directories(frame, frame.text(0), static_cast<unsigned>(frame.num(0))), "mkdir", frame.text(0));
}

int step_make_symlink(Frame& frame) {
  Split split;
  if (!split_last(frame.text(1), split)) return refuse(frame, -ENAMETOOLONG, "symlink", frame.text(1));
  ScopedFd parent(open_in_root(frame, split.directory, O_PATH | O_DIRECTORY));
  if (!parent.valid()) return refuse(frame, parent.error(), "openat2", frame.text(1));
  const long made = sys::raw::call(SYS_symlinkat, frame.text(0), parent.get(), split.name);
  return made == -EEXIST ? 0 : check(frame, made, "symlink", frame.text(1));
}

namespace {

// A new file, so that neither what a link points to nor what another name of the old file shows is changed.
int write_beside(Frame& frame, int directory, const char* name, const char* text) {
  sys::raw::call(SYS_unlinkat, directory, name, 0);  // of a start that was killed here
  ScopedFd file(sys::raw::call(SYS_openat, directory, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | kCloexec, 0644));
  if (!file.valid()) return refuse(frame, file.error(), "open", frame.text(0));
  std::size_t size = 0;
  while (text[size] != '\0') ++size;
  for (std::size_t written = 0; written < size;) {
    const long now = sys::raw::call(SYS_write, file.get(), text + written, size - written);
    if (now == -EINTR) continue;
    if (now < 0) return refuse(frame, now, "write", frame.text(0));
    written += static_cast<std::size_t>(now);
  }
  sys::raw::call(SYS_fchmod, file.get(), 0644);  // whatever the umask
  return 0;
}

}  // namespace

int step_replace_file(Frame& frame) {
  constexpr const char* kBeside = ".berth-new";
  Split split;
  if (!split_last(frame.text(0), split)) return refuse(frame, -ENAMETOOLONG, "open", frame.text(0));
  long directory = open_in_root(frame, split.directory, O_PATH | O_DIRECTORY);
  if (directory == -ENOENT) {
    const long made = make_directories(frame, split.directory, 0755);
    if (made < 0) return refuse(frame, made, "mkdir", frame.text(0));
    directory = open_in_root(frame, split.directory, O_PATH | O_DIRECTORY);
  }
  ScopedFd parent(directory);
  if (!parent.valid()) return refuse(frame, parent.error(), "openat2", frame.text(0));
  int failed = write_beside(frame, parent.get(), kBeside, frame.text(1));
  if (failed == 0) {
    const long moved = sys::raw::call(SYS_renameat2, parent.get(), kBeside, parent.get(), split.name, 0);
    failed = check(frame, moved, "rename", frame.text(0));
  }
  if (failed != 0) sys::raw::call(SYS_unlinkat, parent.get(), kBeside, 0);
  return failed;
}

int step_make_node(Frame& frame) {
  Split split;
  if (!split_last(frame.text(0), split)) return refuse(frame, -ENAMETOOLONG, "mknod", frame.text(0));
  ScopedFd parent(open_in_root(frame, split.directory, O_PATH | O_DIRECTORY));
  if (!parent.valid()) return refuse(frame, parent.error(), "openat2", frame.text(0));
  const long made = sys::raw::call(SYS_mknodat, parent.get(), split.name, static_cast<unsigned>(frame.num(0)),
                                   static_cast<unsigned>(frame.num(1)));
  if (made == 0 || made == -EEXIST) {
    // mknod obeys the umask that the host's shell happened to have.
    if (made == 0) sys::raw::call(SYS_fchmodat, parent.get(), split.name, static_cast<unsigned>(frame.num(0)) & 07777);
    return 0;
  }
  if (made != -EPERM) return refuse(frame, made, "mknod", frame.text(0));
  // A user namespace may not make nodes, and a node on its mounts would not open: the host's is bound instead.
  ScopedFd target(open_target(frame, frame.text(0), kTargetCreateFile));
  if (!target.valid()) return refuse(frame, target.error(), "open", frame.text(0));
  ScopedFd source(sys::raw::call(SYS_openat, AT_FDCWD, frame.text(1), O_PATH | kCloexec));
  if (!source.valid()) return refuse(frame, source.error(), "open", frame.text(1));
  return bind_descriptor(frame, source.get(), target.get(), frame.text(0));
}

}  // namespace berth::child
