// Runs in: berth-attach and the process that becomes the attached command (no libc, no heap, no locks).
#include "child/attach_steps.hpp"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "child/attach_shell.hpp"
#include "child/frame.hpp"

namespace berth::child {
namespace {

struct WindowSize {  // winsize of <sys/ioctl.h>, which clashes with <asm/termbits.h>
  unsigned short rows, columns, x, y;
};

int step_join_cgroup(Frame& frame) {
  ScopedFd tasks(sys::raw::call(SYS_openat, AT_FDCWD, frame.text(0), O_WRONLY | O_CLOEXEC));
  if (!tasks.valid()) return refuse(frame, tasks.error(), "open", frame.text(0));
  return check(frame, sys::raw::call(SYS_write, tasks.get(), "0", 1), "write", frame.text(0));
}

int step_own_limit(Frame& frame) {
  const std::uint64_t limit[2] = {static_cast<std::uint64_t>(frame.num(1)), static_cast<std::uint64_t>(frame.num(2))};
  Text<32> name;
  name.add("limit ").add(static_cast<long>(frame.num(0)));
  return check(frame, sys::raw::call(SYS_prlimit64, 0, frame.num(0), limit, nullptr), "prlimit", name.c_str());
}

int step_enter_namespaces(Frame& frame) {
  return check(frame, sys::raw::call(SYS_setns, frame.slot(frame.num(0)), frame.num(1)), "setns", "the container's namespaces");
}

int step_share_core_cookie(Frame& frame) {
  const long result = sys::raw::call(SYS_prctl, PR_SCHED_CORE, PR_SCHED_CORE_SHARE_FROM, frame.num(0), 0 /* this thread */, 0);
  return check(frame, result, "prctl", "PR_SCHED_CORE_SHARE_FROM");
}

int step_host_pty(Frame& frame) {
  const long ptmx = sys::raw::call(SYS_openat, AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (ptmx < 0) return refuse(frame, ptmx, "open", "/dev/ptmx of the host");
  if (frame.num(0) < 0 || frame.num(0) >= std::int64_t{kSlots}) return refuse(frame, -EBADF, "open", "/dev/ptmx of the host");
  frame.context.slots[frame.num(0)] = static_cast<int>(ptmx);
  return 0;
}

// Replaces what is mounted on `target`; in a mount namespace of our own.
int mount_fresh(Frame& frame, const char* type, const char* target) {
  const long result = sys::raw::call(SYS_umount2, target, MNT_DETACH);
  if (result < 0 && result != -EINVAL) return refuse(frame, result, "umount", target);
  return check(frame, sys::raw::call(SYS_mount, type, target, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr), "mount", target);
}

int step_fresh_proc_sys(Frame& frame) {
  long result = sys::raw::call(SYS_unshare, CLONE_NEWNS);
  if (result < 0) return refuse(frame, result, "unshare", "mount namespace");
  result = sys::raw::call(SYS_mount, "none", "/", nullptr, MS_REC | MS_SLAVE, nullptr);
  if (result < 0) return refuse(frame, result, "mount", "/ (slave)");
  const int failed = mount_fresh(frame, "proc", "/proc");
  return failed != 0 ? failed : mount_fresh(frame, "sysfs", "/sys");
}

// The program must find the caller's window size and editing keys from its first moment on.
void copy_terminal(int from, int to) {
  WindowSize window;
  if (sys::raw::call(SYS_ioctl, from, TIOCGWINSZ, &window) == 0) sys::raw::call(SYS_ioctl, to, TIOCSWINSZ, &window);
  ::termios host, fresh;
  if (sys::raw::call(SYS_ioctl, from, TCGETS, &host) != 0 || sys::raw::call(SYS_ioctl, to, TCGETS, &fresh) != 0) return;
  fresh.c_iflag = (fresh.c_iflag & ~static_cast<tcflag_t>(IUTF8)) | (host.c_iflag & static_cast<tcflag_t>(IUTF8));
  for (unsigned i = 0; i < NCCS; ++i) {
    if (i != VMIN && i != VTIME) fresh.c_cc[i] = host.c_cc[i];
  }
  sys::raw::call(SYS_ioctl, to, TCSETS, &fresh);
}

long open_ptmx(Frame& frame) {
  if (frame.num(2) >= 0) return frame.slot(frame.num(2));
  const long ptmx = sys::raw::call(SYS_openat, AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  return ptmx != -ENOENT ? ptmx : sys::raw::call(SYS_openat, AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

int step_attach_pty(Frame& frame) {
  constexpr const char* kWhere = "/dev/pts/ptmx of the container";
  constexpr int kPeerFlags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  ScopedFd ptmx(open_ptmx(frame));
  if (!ptmx.valid()) return refuse(frame, ptmx.error(), "open", kWhere);
  int unlocked = 0;
  long result = sys::raw::call(SYS_ioctl, ptmx.get(), TIOCSPTLCK, &unlocked);
  if (result < 0) return refuse(frame, result, "TIOCSPTLCK", kWhere);
  const long peer = sys::raw::call(SYS_ioctl, ptmx.get(), TIOCGPTPEER, kPeerFlags);
  if (peer < 0) return refuse(frame, peer, "TIOCGPTPEER", kWhere);
  frame.context.slots[kAttachPeerSlot] = static_cast<int>(peer);
  for (int fd = 0; fd <= 2; ++fd) copy_terminal(fd, static_cast<int>(peer));
  if (frame.num(1) >= 0) sys::raw::call(SYS_fchown, peer, frame.num(1), -1);  // as login does; an unmapped id keeps the owner
  const int master = ptmx.get();
  return check(frame, send_message(frame.context, MessageKind::kConsole, 0, &master, 1), "sendmsg", "the caller");
}

int step_enter_directory(Frame& frame) {
  if (frame.has_text(0) && sys::raw::call(SYS_chdir, frame.text(0)) == 0) return 0;
  return check(frame, sys::raw::call(SYS_chdir, "/"), "chdir", "/");
}

using StepFunction = int (*)(Frame&);

StepFunction function_of(Op op) {
  switch (op) {
    case Op::kJoinCgroup:
      return step_join_cgroup;
    case Op::kProcessLimit:
      return step_own_limit;
    case Op::kEnterNamespaces:
      return step_enter_namespaces;
    case Op::kShareCoreCookie:
      return step_share_core_cookie;
    case Op::kHostPty:
      return step_host_pty;
    case Op::kFreshProcSys:
      return step_fresh_proc_sys;
    case Op::kAttachPty:
      return step_attach_pty;
    case Op::kEnterDirectory:
      return step_enter_directory;
    case Op::kExecCommand:
      return step_exec_command;
    default:
      return nullptr;
  }
}

}  // namespace

int run_attach_step(const BlobView& blob, std::uint32_t index, Context& context, Failure& failure) noexcept {
  const Step& step = blob.step(index);
  const StepFunction function = function_of(step.op);
  if (function == nullptr) return run_step(blob, index, context, failure);
  failure.step = index;
  failure.error = 0;
  failure.call[0] = failure.object[0] = failure.output[0] = '\0';
  Frame frame{blob, step, context, failure};
  return function(frame);
}

int run_attach_phase(const BlobView& blob, Phase phase, Context& context, Failure& failure) noexcept {
  for (std::uint32_t index = 0; index < blob.step_count(); ++index) {
    if (blob.step(index).phase != phase) continue;
    const int result = run_attach_step(blob, index, context, failure);
    if (result < 0 && (blob.step(index).flags & kStepMayFail) == 0) return result;
  }
  return 0;
}

// The exit signal is inherited, as it must be with CLONE_PARENT.
long clone_sibling(int* pidfd, int* thread_id) noexcept {
  clone_args arguments = {};
  arguments.flags = CLONE_PARENT | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
  if (thread_id != nullptr) {
    arguments.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    arguments.child_tid = reinterpret_cast<std::uintptr_t>(thread_id);
  }
  const long pid = sys::raw::call(SYS_clone3, &arguments, sizeof arguments);
  if (pid != -ENOSYS) return pid;
#if defined(__x86_64__)
  return sys::raw::call(SYS_clone, arguments.flags, 0, pidfd, thread_id, 0);
#else  // CONFIG_CLONE_BACKWARDS, as on arm, arm64, riscv: the thread-local storage comes first
  return sys::raw::call(SYS_clone, arguments.flags, 0, pidfd, 0, thread_id);
#endif
}

void report_and_exit(Context& context, const Failure& failure, int status) noexcept {
  Message message;
  message.kind = MessageKind::kFailed;
  message.failure = failure;
  sys::raw::call(SYS_sendto, context.channel, &message, sizeof message, MSG_NOSIGNAL, nullptr, 0);
  for (;;) sys::raw::call(SYS_exit_group, status);
}

}  // namespace berth::child
