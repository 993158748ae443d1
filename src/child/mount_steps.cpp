// Runs in: the container's first process, between clone and exec (no libc, no heap).
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "child/frame.hpp"
#include "child/mount_flags.hpp"

namespace berth::child {
namespace {

constexpr unsigned kAtRecursive = 0x8000;
constexpr int kUmountDetach = 2;

// A detached copy of the tree at `fd`. Returns a descriptor or -errno.
long clone_tree(int fd, bool recursive) {
  return sys::raw::call(SYS_open_tree, fd, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | (recursive ? kAtRecursive : 0));
}

long set_attributes(int tree_fd, unsigned long set, unsigned long clear, unsigned long propagation) {
  mount_attr attributes = mount_attributes(set, clear);
  attributes.propagation = propagation;
  if (attributes.attr_set == 0 && attributes.attr_clr == 0 && propagation == 0) return 0;
  const bool recursive = (propagation & kMsRec) != 0;
  attributes.propagation &= ~kMsRec;
  return sys::raw::call(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH | (recursive ? kAtRecursive : 0), &attributes,
                        sizeof attributes);
}

long move_tree(int tree_fd, int target_fd) {
  return sys::raw::call(SYS_move_mount, tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

long classic_mount(const char* source, const char* target, const char* type, unsigned long flags, const char* data) {
  return sys::raw::call(SYS_mount, source, target, type, flags, data);
}

// A remount replaces all flags: those that the source has must be named again. statfs(2) gives these four as mount(2) takes them.
unsigned long flags_of(int fd) {
  struct statfs about;
  if (sys::raw::call(SYS_fstatfs, fd, &about) < 0) return 0;
  return static_cast<unsigned long>(about.f_flags) & (kMsReadOnly | kMsNoSuid | kMsNoDev | kMsNoExec);
}

// For kernels without the descriptor calls: bind, then remount for the flags, then propagation. `path` is re-resolved so that
// the later calls act on the new mount and not on what it covers.
int classic_bind(Frame& frame, int source_fd, int target_fd, const char* path) {
  const unsigned long set = static_cast<unsigned long>(frame.num(0));
  const unsigned long propagation = static_cast<unsigned long>(frame.num(2));
  long result = classic_mount(descriptor_path(source_fd).c_str(), descriptor_path(target_fd).c_str(), nullptr,
                              kMsBind | (set & kMsRec), nullptr);
  if (result < 0) return refuse(frame, result, "mount", path);
  ScopedFd mounted(open_in_root(frame, path, O_PATH));
  if (!mounted.valid()) return refuse(frame, mounted.error(), "open", path);
  const auto on_top = descriptor_path(mounted.get());
  if ((set & ~(kMsRec | kMsBind)) != 0 || frame.num(3) != 0) {
    const unsigned long kept = flags_of(mounted.get()) & ~static_cast<unsigned long>(frame.num(3));
    result = classic_mount(nullptr, on_top.c_str(), nullptr, kMsBind | kMsRemount | kept | (set & ~kMsRec), nullptr);
  }
  if (result >= 0 && propagation != 0) result = classic_mount(nullptr, on_top.c_str(), nullptr, propagation, nullptr);
  if (result >= 0) return 0;
  // An optional one must not stay without its flags.
  sys::raw::call(SYS_umount2, on_top.c_str(), kUmountDetach);
  return refuse(frame, result, "mount", path);
}

long open_bind_source(Frame& frame) {
  if (frame.option(1, kTargetSourceInRoot)) return open_in_root(frame, frame.text(0), O_PATH);
  return sys::raw::call(SYS_openat, AT_FDCWD, frame.text(0), O_PATH | O_CLOEXEC);
}

long receive_tree(Frame& frame) {
  Message message;
  int tree = -1;
  const int result = receive_message(frame.context, message, &tree);
  if (result < 0) return result;
  return message.kind == MessageKind::kTree && tree >= 0 ? tree : -EPROTO;
}

// The source as a detached tree, attributes set.
long prepare_bind_tree(Frame& frame) {
  long tree;
  if (frame.option(1, kTargetReceived)) {
    tree = receive_tree(frame);
  } else {
    ScopedFd source(open_bind_source(frame));
    if (!source.valid()) return refuse(frame, source.error(), "open", frame.text(0));
    tree = clone_tree(source.get(), (frame.num(0) & static_cast<long>(kMsRec)) != 0);
  }
  if (tree < 0) return refuse(frame, tree, "open_tree", frame.text(0));
  const long set = set_attributes(static_cast<int>(tree), static_cast<unsigned long>(frame.num(0)),
                                  static_cast<unsigned long>(frame.num(3)), static_cast<unsigned long>(frame.num(2)));
  if (set >= 0) return tree;
  sys::raw::call(SYS_close, tree);
  return refuse(frame, set, "mount_setattr", frame.text(0));
}

// A source that is a file needs a file as target even when the line said nothing.
std::int64_t target_options(Frame& frame, bool source_is_directory) {
  const std::int64_t options = frame.num(1);
  if (source_is_directory || (options & kTargetCreateDirectory) == 0) return options;
  return (options & ~std::int64_t{kTargetCreateDirectory}) | kTargetCreateFile;
}

bool is_directory(int fd) {
  struct stat about;
  return sys::raw::call(SYS_newfstatat, fd, "", &about, AT_EMPTY_PATH) == 0 && S_ISDIR(about.st_mode);
}

int bind_by_path(Frame& frame) {
  ScopedFd source(open_bind_source(frame));
  if (!source.valid()) return refuse(frame, source.error(), "open", frame.text(0));
  ScopedFd target(open_target(frame, frame.text(1), target_options(frame, is_directory(source.get()))));
  if (!target.valid()) return refuse(frame, target.error(), "openat2", frame.text(1));
  return classic_bind(frame, source.get(), target.get(), frame.text(1));
}

int bind_by_tree(Frame& frame) {
  ScopedFd tree(prepare_bind_tree(frame));
  if (!tree.valid()) return static_cast<int>(tree.error());
  ScopedFd target(open_target(frame, frame.text(1), target_options(frame, is_directory(tree.get()))));
  if (!target.valid()) return refuse(frame, target.error(), "openat2", frame.text(1));
  return check(frame, move_tree(tree.get(), target.get()), "move_mount", frame.text(1));
}

int mount_filesystem(Frame& frame) {
  ScopedFd target(open_target(frame, frame.text(2), frame.num(1)));
  if (!target.valid()) return refuse(frame, target.error(), "openat2", frame.text(2));
  const auto path = descriptor_path(target.get());
  long result = classic_mount(frame.text(1), path.c_str(), frame.text(0), static_cast<unsigned long>(frame.num(0)),
                              frame.has_text(3) ? frame.text(3) : nullptr);
  if (result < 0) return refuse(frame, result, "mount", frame.text(2));
  if (frame.num(2) == 0) return 0;
  ScopedFd mounted(open_in_root(frame, frame.text(2), O_PATH));
  if (!mounted.valid()) return refuse(frame, mounted.error(), "openat2", frame.text(2));
  const auto on_top = descriptor_path(mounted.get());
  result = classic_mount(nullptr, on_top.c_str(), nullptr, static_cast<unsigned long>(frame.num(2)), nullptr);
  if (result >= 0) return 0;
  sys::raw::call(SYS_umount2, on_top.c_str(), kUmountDetach);
  return refuse(frame, result, "mount", frame.text(2));
}

// An optional mount that can't be made is left out, whatever the reason, as in LXC: containers are written for that. The log
// tells.
int unless_optional(Frame& frame, int result) {
  if (result >= 0 || !frame.option(1, kTargetOptional)) return result;
  if (keeps_debug_log(frame.blob)) {
    Message message;
    message.failure = frame.failure;
    message.failure.error = -result;
    send_note(frame, MessageKind::kSkipped, message);
  }
  return 0;
}

int share_host_root(Frame& frame) {
  const long root = sys::raw::call(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return refuse(frame, root, "open", "/");
  frame.context.root_fd = static_cast<int>(root);
  return 0;
}

int attach_root_classic(Frame& frame, int point) {
  long result = classic_mount(frame.text(0), descriptor_path(point).c_str(), nullptr, kMsBind | kMsRec, nullptr);
  if (result < 0) return refuse(frame, result, "mount", frame.text(0));
  const long root = sys::raw::call(SYS_openat, AT_FDCWD, frame.text(1), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return refuse(frame, root, "open", frame.text(1));
  frame.context.root_fd = static_cast<int>(root);
  const auto path = descriptor_path(static_cast<int>(root));
  const auto flags = static_cast<unsigned long>(frame.num(0));
  if (flags != 0) result = classic_mount(nullptr, path.c_str(), nullptr, kMsBind | kMsRemount | flags, nullptr);
  if (result < 0) return refuse(frame, result, "mount", frame.text(0));
  if (frame.num(1) != 0)
    result = classic_mount(nullptr, path.c_str(), nullptr, static_cast<unsigned long>(frame.num(1)), nullptr);
  return check(frame, result, "mount", frame.text(0));
}

// By mount(2): its data may be a page long, a value for fsconfig(2) 255 bytes, which the layers of an overlay exceed.
int attach_new_root(Frame& frame, int point) {
  const auto flags = static_cast<unsigned long>(frame.num(0));
  long result = classic_mount(frame.text(0), descriptor_path(point).c_str(), frame.text(2), flags, frame.text(3));
  if (result < 0) return refuse(frame, result, "mount", frame.text(0));
  const long root = sys::raw::call(SYS_openat, AT_FDCWD, frame.text(1), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return refuse(frame, root, "open", frame.text(1));
  frame.context.root_fd = static_cast<int>(root);
  if (frame.num(1) == 0) return 0;
  const auto path = descriptor_path(static_cast<int>(root));
  result = classic_mount(nullptr, path.c_str(), nullptr, static_cast<unsigned long>(frame.num(1)), nullptr);
  return check(frame, result, "mount", frame.text(0));
}

long open_root_tree(Frame& frame) {
  if (frame.num(2) == static_cast<std::int64_t>(Tree::kReceived)) return receive_tree(frame);
  return sys::raw::call(SYS_open_tree, AT_FDCWD, frame.text(0), OPEN_TREE_CLONE | O_CLOEXEC | kAtRecursive);
}

}  // namespace

int bind_descriptor(Frame& frame, int source_fd, int target_fd, const char* shown, unsigned long flags) {
  if (frame.flag(kStepClassicMount)) {
    const long result =
        classic_mount(descriptor_path(source_fd).c_str(), descriptor_path(target_fd).c_str(), nullptr, kMsBind, nullptr);
    return check(frame, result, "mount", shown);
  }
  ScopedFd tree(clone_tree(source_fd, false));
  if (!tree.valid()) return refuse(frame, tree.error(), "open_tree", shown);
  const long set = set_attributes(tree.get(), flags, 0, 0);
  if (set < 0) return refuse(frame, set, "mount_setattr", shown);
  return check(frame, move_tree(tree.get(), target_fd), "move_mount", shown);
}

int step_propagation(Frame& frame) {
  return check(frame, classic_mount(nullptr, frame.text(0), nullptr, static_cast<unsigned long>(frame.num(0)), nullptr), "mount",
               frame.text(0));
}

int step_attach_root(Frame& frame) {
  if (!frame.has_text(0)) return share_host_root(frame);
  const int point = frame.slot(frame.num(3));
  frame.context.root_is_host = 0;
  if (frame.num(2) == static_cast<std::int64_t>(Tree::kNew)) return attach_new_root(frame, point);
  if (frame.flag(kStepClassicMount)) return attach_root_classic(frame, point);
  ScopedFd tree(open_root_tree(frame));
  if (!tree.valid()) return refuse(frame, tree.error(), "open_tree", frame.text(0));
  long result = set_attributes(tree.get(), static_cast<unsigned long>(frame.num(0)), 0, static_cast<unsigned long>(frame.num(1)));
  if (result < 0) return refuse(frame, result, "mount_setattr", frame.text(0));
  result = move_tree(tree.get(), point);
  if (result < 0) return refuse(frame, result, "move_mount", frame.text(1));
  frame.context.root_fd = tree.release();
  return 0;
}

int step_mount_filesystem(Frame& frame) { return unless_optional(frame, mount_filesystem(frame)); }

int step_bind(Frame& frame) {
  return unless_optional(frame, frame.flag(kStepClassicMount) ? bind_by_path(frame) : bind_by_tree(frame));
}

int step_pivot_root(Frame& frame) {
  long result = sys::raw::call(SYS_fchdir, frame.context.root_fd);
  if (result < 0) return refuse(frame, result, "fchdir", frame.text(0));
  // The old root ends up on top of the new one, where "." reaches it and nothing has to be created for it.
  result = sys::raw::call(SYS_pivot_root, ".", ".");
  if (result < 0) return refuse(frame, result, "pivot_root", frame.text(0));
  result = sys::raw::call(SYS_umount2, ".", kUmountDetach);
  if (result < 0) return refuse(frame, result, "umount2", "the host's root");
  result = sys::raw::call(SYS_chdir, "/");
  if (result < 0) return refuse(frame, result, "chdir", "/");
  return 0;
}

}  // namespace berth::child
