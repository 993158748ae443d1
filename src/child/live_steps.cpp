// Runs in: a short-lived process between the caller and a running container (no libc, no heap, no locks).
#include "child/live_steps.hpp"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>

#include "child/attach_steps.hpp"
#include "child/frame.hpp"
#include "child/mount_flags.hpp"

namespace berth::child {
namespace {

constexpr int kUmountDetach = 2, kUmountNoFollow = 8;
constexpr const char* kNewNode = ".berth-new-node";  // beside its place until it is complete

bool is_device(const struct stat& about) { return S_ISCHR(about.st_mode) || S_ISBLK(about.st_mode); }

long stat_at(int directory, const char* name, struct stat& about) {
  return sys::raw::call(SYS_newfstatat, directory, name, &about, AT_SYMLINK_NOFOLLOW);
}

// The node with mode and owner as the step's numbers say, whatever the umask.
long make_node(Frame& frame, int directory, const char* name) {
  const auto mode = static_cast<unsigned>(frame.num(0));
  long result = sys::raw::call(SYS_mknodat, directory, name, mode, static_cast<unsigned>(frame.num(1)));
  if (result < 0) return result;
  result = sys::raw::call(SYS_fchownat, directory, name, frame.num(2), frame.num(3), AT_SYMLINK_NOFOLLOW);
  if (result == 0) result = sys::raw::call(SYS_fchmodat, directory, name, mode & 07777);
  if (result < 0) sys::raw::call(SYS_unlinkat, directory, name, 0);
  return result;
}

long open_directory_of(Frame& frame, Split& split) {
  if (!split_last(frame.text(0), split)) return -ENAMETOOLONG;
  return open_in_root(frame, split.directory, O_PATH | O_DIRECTORY);
}

// In a mount namespace of our own, so that nobody sees the file system that carries the node.
int step_node_tree(Frame& frame) {
  constexpr const char* kCovered = "/dev";
  long result = sys::raw::call(SYS_unshare, CLONE_NEWNS);
  if (result < 0) return refuse(frame, result, "unshare", "mount namespace");
  result = sys::raw::call(SYS_mount, nullptr, "/", nullptr, kMsRec | kMsPrivate, nullptr);
  if (result < 0) return refuse(frame, result, "mount", "/ (private)");
  result = sys::raw::call(SYS_mount, "none", kCovered, "tmpfs", kMsNoSuid | kMsNoExec, "size=4k,mode=755");
  if (result < 0) return refuse(frame, result, "mount", "tmpfs of the device node");
  ScopedFd directory(sys::raw::call(SYS_openat, AT_FDCWD, kCovered, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return refuse(frame, directory.error(), "open", "tmpfs of the device node");
  result = make_node(frame, directory.get(), "node");
  if (result < 0) return refuse(frame, result, "mknod", "a node of the device");
  const long tree = sys::raw::call(SYS_open_tree, directory.get(), "node", OPEN_TREE_CLONE | O_CLOEXEC);
  if (tree < 0) return refuse(frame, tree, "open_tree", "the node of the device");
  frame.context.slots[kLiveTreeSlot] = static_cast<int>(tree);
  return 0;
}

bool exists(Frame& frame, const char* path) { return ScopedFd(open_in_root(frame, path, O_PATH)).valid(); }

int step_attach_tree(Frame& frame) {
  const bool was_there = exists(frame, frame.text(0));
  ScopedFd target(open_target(frame, frame.text(0), frame.num(1)));
  if (!target.valid()) return refuse(frame, target.error(), "openat2", frame.text(0));
  const long moved = sys::raw::call(SYS_move_mount, frame.slot(kLiveTreeSlot), "", target.get(), "",
                                    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  if (moved == 0) return 0;
  Split split;
  ScopedFd parent(open_directory_of(frame, split));
  const bool directory = (frame.num(1) & kTargetCreateDirectory) != 0;
  if (!was_there && parent.valid()) sys::raw::call(SYS_unlinkat, parent.get(), split.name, directory ? AT_REMOVEDIR : 0);
  return refuse(frame, moved, "move_mount", frame.text(0));
}

// The root is this process's own: the kernel's walk ends where the one of openat2 does, but for magic links, which the first
// look refuses; a mount of another namespace, behind one that comes meanwhile, is none that umount2 takes.
int step_unmount(Frame& frame) {
  const bool follow = (frame.num(0) & kUmountNoFollow) == 0;
  const long target = open_in_root(frame, frame.text(0), follow ? O_PATH : O_PATH | O_NOFOLLOW);
  if (target < 0) return refuse(frame, target, "openat2", frame.text(0));
  sys::raw::call(SYS_close, target);  // a descriptor keeps the mount busy
  return check(frame, sys::raw::call(SYS_umount2, frame.text(0), frame.num(0)), "umount2", frame.text(0));
}

int step_replace_node(Frame& frame) {
  Split split;
  if (!split_last(frame.text(0), split)) return refuse(frame, -ENAMETOOLONG, "mknod", frame.text(0));
  long result = make_directories(frame, split.directory, 0755);
  if (result < 0) return refuse(frame, result, "mkdir", split.directory);
  ScopedFd parent(open_in_root(frame, split.directory, O_PATH | O_DIRECTORY));
  if (!parent.valid()) return refuse(frame, parent.error(), "openat2", frame.text(0));
  struct stat about;
  if (stat_at(parent.get(), split.name, about) == 0 && !is_device(about)) return refuse(frame, -EEXIST, "mknod", frame.text(0));
  sys::raw::call(SYS_unlinkat, parent.get(), kNewNode, 0);  // of a run that was killed
  result = make_node(frame, parent.get(), kNewNode);
  if (result < 0) return refuse(frame, result, "mknod", frame.text(0));
  result = sys::raw::call(SYS_renameat2, parent.get(), kNewNode, parent.get(), split.name, 0);
  if (result < 0) sys::raw::call(SYS_unlinkat, parent.get(), kNewNode, 0);
  return check(frame, result, "rename", frame.text(0));
}

// A node that was mounted hides the empty file that was made for it.
int step_remove_node(Frame& frame) {
  constexpr int kMostMounts = 16;
  Split split;
  ScopedFd parent(open_directory_of(frame, split));
  if (!parent.valid()) return refuse(frame, parent.error(), "openat2", frame.text(0));
  struct stat about;
  long result = stat_at(parent.get(), split.name, about);
  if (result < 0) return refuse(frame, result, "stat", frame.text(0));
  if (!is_device(about)) return refuse(frame, -ENODEV, "unlink", frame.text(0));
  result = sys::raw::call(SYS_fchdir, parent.get());
  if (result < 0) return refuse(frame, result, "fchdir", frame.text(0));
  for (int i = 0; i < kMostMounts && sys::raw::call(SYS_umount2, split.name, kUmountDetach | kUmountNoFollow) == 0; ++i) {
  }
  result = stat_at(parent.get(), split.name, about);
  if (result < 0) return refuse(frame, result, "stat", frame.text(0));
  const bool ours = is_device(about) || (S_ISREG(about.st_mode) && about.st_size == 0);
  return ours ? check(frame, sys::raw::call(SYS_unlinkat, parent.get(), split.name, 0), "unlink", frame.text(0)) : 0;
}

using StepFunction = int (*)(Frame&);

StepFunction function_of(Op op) {
  switch (op) {
    case Op::kNodeTree:
      return step_node_tree;
    case Op::kAttachTree:
      return step_attach_tree;
    case Op::kUnmount:
      return step_unmount;
    case Op::kReplaceNode:
      return step_replace_node;
    case Op::kRemoveNode:
      return step_remove_node;
    default:
      return nullptr;
  }
}

int run_live_step(const BlobView& blob, std::uint32_t index, Context& context, Failure& failure) {
  const Step& step = blob.step(index);
  const StepFunction function = function_of(step.op);
  if (function == nullptr) return run_attach_step(blob, index, context, failure);
  failure = {};
  failure.step = index;
  Frame frame{blob, step, context, failure};
  return function(frame);
}

}  // namespace

int run_live_steps(const BlobView& blob, Context& context, Failure& failure) noexcept {
  for (std::uint32_t index = 0; index < blob.step_count(); ++index) {
    if (const int result = run_live_step(blob, index, context, failure); result < 0) return result;
  }
  return 0;
}

}  // namespace berth::child
