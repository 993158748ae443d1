// Runs in: the container's first process, between clone and exec (no libc, no heap).
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "child/frame.hpp"

namespace berth::child {
namespace {

constexpr int kCapabilityCount = 64;  // more than any kernel has; the kernel says where it ends (EINVAL)

long write_text(int fd, const char* text) { return sys::raw::call(SYS_write, fd, text, length(text)); }

long write_path(const char* path, const char* text) {
  ScopedFd file(sys::raw::call(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC));
  return file.valid() ? write_text(file.get(), text) : file.error();
}

}  // namespace

int step_open_slot(Frame& frame) {
  const long fd = sys::raw::call(SYS_openat, AT_FDCWD, frame.text(0), frame.num(1) | O_CLOEXEC);
  if (fd < 0) return refuse(frame, fd, "open", frame.text(0));
  const std::int64_t index = frame.num(0);
  if (index < 0 || index >= std::int64_t{kSlots}) return refuse(frame, -EBADF, "open", frame.text(0));
  frame.context.slots[index] = static_cast<int>(fd);
  return 0;
}

int step_death_signal(Frame& frame) {
  const long result = sys::raw::call(SYS_prctl, PR_SET_PDEATHSIG, frame.num(0), 0, 0, 0);
  if (result < 0) return refuse(frame, result, "prctl", "PR_SET_PDEATHSIG");
  // The monitor may have died before the call: then no signal will come, but its end of the channel is closed.
  pollfd channel{frame.context.channel, POLLIN, 0};
  timespec now{};
  sys::raw::call(SYS_ppoll, &channel, 1, &now, nullptr, 0);
  return (channel.revents & POLLHUP) != 0 ? refuse(frame, -EPIPE, "prctl", "the monitor has died") : 0;
}

int step_become_root(Frame& frame) {
  long result = sys::raw::call(SYS_setgroups, 0, nullptr);
  if (result < 0 && result != -EPERM) return refuse(frame, result, "setgroups", "none");
  result = sys::raw::call(SYS_setresgid, 0, 0, 0);
  if (result < 0) return refuse(frame, result, "setresgid", "0");
  return check(frame, sys::raw::call(SYS_setresuid, 0, 0, 0), "setresuid", "0");
}

int step_join_groups(Frame& frame) {
  const StringList files = frame.list(0);
  for (std::uint32_t i = 0; i < files.size(); ++i) {
    if (const long result = write_path(files[i], "0"); result < 0) return refuse(frame, result, "write", files[i]);
  }
  return 0;
}

int step_write_slots(Frame& frame) {
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    if ((frame.num(0) >> slot & 1) == 0) continue;
    const long result = write_text(frame.context.slots[slot], "0");
    if (result < 0) return refuse(frame, result, "write", frame.has_text(0) ? frame.text(0) : "tasks");
  }
  return 0;
}

int step_unshare(Frame& frame) {
  Text<32> flags;
  flags.add(static_cast<long>(frame.num(0)));
  return check(frame, sys::raw::call(SYS_unshare, frame.num(0)), "unshare", flags.c_str());
}

int step_time_offsets(Frame& frame) {
  long result = sys::raw::call(SYS_unshare, CLONE_NEWTIME);
  if (result < 0) return refuse(frame, result, "unshare", "time namespace");
  if (frame.has_text(0)) result = write_path("/proc/self/timens_offsets", frame.text(0));
  if (result < 0) return refuse(frame, result, "write", "/proc/self/timens_offsets");
  ScopedFd space(sys::raw::call(SYS_openat, AT_FDCWD, "/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC));
  if (!space.valid()) return refuse(frame, space.error(), "open", "/proc/self/ns/time_for_children");
  return check(frame, sys::raw::call(SYS_setns, space.get(), CLONE_NEWTIME), "setns", "time namespace");
}

int step_enter_namespace(Frame& frame) {
  return check(frame, sys::raw::call(SYS_setns, frame.slot(frame.num(0)), frame.num(1)), "setns", frame.text(0));
}

int step_hostname(Frame& frame) {
  return check(frame, sys::raw::call(SYS_sethostname, frame.text(0), length(frame.text(0))), "sethostname", frame.text(0));
}

int step_session_keyring(Frame& frame) {
  const long result = sys::raw::call(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  return result == -ENOSYS ? 0 : check(frame, result, "keyctl", "session keyring");
}

int step_raise_loopback(Frame& frame) {
  ScopedFd socket(sys::raw::call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return refuse(frame, socket.error(), "socket", "lo");
  ifreq request = {};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return check(frame, sys::raw::call(SYS_ioctl, socket.get(), SIOCSIFFLAGS, &request), "ioctl", "lo");
}

int step_personality(Frame& frame) {
  return check(frame, sys::raw::call(SYS_personality, frame.num(0)), "personality", "lxc.arch");
}

int step_write_file(Frame& frame) { return check(frame, write_path(frame.text(0), frame.text(1)), "write", frame.text(0)); }

int step_capabilities(Frame& frame) {
  const auto kept = static_cast<std::uint64_t>(frame.num(0));
  for (int capability = 0; capability < kCapabilityCount; ++capability) {
    if ((kept >> capability & 1) != 0) continue;
    const long result = sys::raw::call(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (result == -EINVAL) return 0;  // beyond the last capability of this kernel
    if (result < 0) {
      Text<32> number;
      number.add("capability ").add(static_cast<long>(capability));
      return refuse(frame, result, "prctl", number.c_str());
    }
  }
  return 0;
}

int step_no_new_privileges(Frame& frame) {
  return check(frame, sys::raw::call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl", "PR_SET_NO_NEW_PRIVS");
}

int step_working_directory(Frame& frame) {
  long result = sys::raw::call(SYS_chdir, frame.text(0));
  if (result == -ENOENT) {
    result = make_directories(frame, frame.text(0), 0755);
    if (result < 0) return refuse(frame, result, "mkdir", frame.text(0));
    result = sys::raw::call(SYS_chdir, frame.text(0));
  }
  return check(frame, result, "chdir", frame.text(0));
}

int step_core_scheduling(Frame& frame) {
  const long result = sys::raw::call(SYS_prctl, PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 1 /* PIDTYPE_TGID */, 0);
  // Where no core has two threads there is nobody to be kept apart from.
  return result == -ENODEV ? 0 : check(frame, result, "prctl", "PR_SCHED_CORE");
}

// From here on every call of this process is the filter's matter, that of the listener's way out too.
int step_seccomp_filter(Frame& frame) {
  const Block block = frame.blob.block(frame.step.block);
  struct {
    std::uint16_t count;
    const void* filter;
  } program = {static_cast<std::uint16_t>(block.size / sizeof(sock_filter)), block.data};
  const bool listens = frame.num(0) != 0;
  const unsigned flags = listens ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  const long result = sys::raw::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (result < 0) return refuse(frame, result, "seccomp", frame.text(0));
  if (!listens) return 0;
  const ScopedFd listener(result);
  const int fd = listener.get();
  return check(frame, send_message(frame.context, MessageKind::kListener, 0, &fd, 1), "sendmsg", "the seccomp listener");
}

}  // namespace berth::child
