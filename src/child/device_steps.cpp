// Runs in: the container's first process, between clone and exec (no libc, no heap).
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "child/frame.hpp"
#include "child/mount_flags.hpp"

namespace berth::child {
namespace {

constexpr unsigned kTtysPerMessage = 16;

struct Pty {
  int master = -1;
  int slave = -1;
};

void close_pty(const Pty& pty) {
  if (pty.master >= 0) sys::raw::call(SYS_close, pty.master);
  if (pty.slave >= 0) sys::raw::call(SYS_close, pty.slave);
}

// Unlocks `master` and gives the number of its slave, or -errno.
long unlock(int master) {
  int zero = 0;
  unsigned number = 0;
  long result = sys::raw::call(SYS_ioctl, master, TIOCSPTLCK, &zero);
  if (result == 0) result = sys::raw::call(SYS_ioctl, master, TIOCGPTN, &number);
  return result < 0 ? result : static_cast<long>(number);
}

int open_container_pty(Frame& frame, Pty& pty) {
  const long master = open_in_root(frame, "dev/pts/ptmx", O_RDWR | O_NOCTTY);
  if (master < 0) return refuse(frame, master, "open", "/dev/pts/ptmx");
  pty.master = static_cast<int>(master);
  const long number = unlock(pty.master);
  if (number < 0) return refuse(frame, number, "ioctl", "/dev/pts/ptmx");
  Text<64> path;
  path.add("dev/pts/").add(number);
  const long slave = open_in_root(frame, path.c_str(), O_RDWR | O_NOCTTY);
  if (slave < 0) return refuse(frame, slave, "open", path.c_str());
  pty.slave = static_cast<int>(slave);
  return 0;
}

// The slave of a pty of the host's devpts is opened by its path: a descriptor that the monitor opened belongs to the monitor's
// mount namespace, from which nothing can be bound here.
int open_host_slave(Frame& frame, int master, Pty& pty) {
  const long number = unlock(master);
  if (number < 0) return refuse(frame, number, "ioctl", "/dev/ptmx");
  Text<64> path;
  path.add("/dev/pts/").add(number);
  const long slave = sys::raw::call(SYS_openat, AT_FDCWD, path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return refuse(frame, slave, "open", path.c_str());
  pty.slave = static_cast<int>(slave);
  return 0;
}

int bind_slave(Frame& frame, int slave, const char* target_path) {
  ScopedFd target(open_target(frame, target_path, kTargetCreateFile));
  if (!target.valid()) return refuse(frame, target.error(), "openat2", target_path);
  return bind_descriptor(frame, slave, target.get(), target_path);
}

int link_ptmx(Frame& frame) {
  ScopedFd dev(open_in_root(frame, "dev", O_PATH | O_DIRECTORY));
  if (!dev.valid()) return refuse(frame, dev.error(), "openat2", "/dev");
  const long made = sys::raw::call(SYS_symlinkat, "pts/ptmx", dev.get(), "ptmx");
  if (made != -EEXIST) return check(frame, made, "symlink", "/dev/ptmx");
  struct stat about;
  if (sys::raw::call(SYS_newfstatat, dev.get(), "ptmx", &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(about.st_mode)) return 0;
  ScopedFd source(open_in_root(frame, "dev/pts/ptmx", O_PATH));
  if (!source.valid()) return refuse(frame, source.error(), "openat2", "/dev/pts/ptmx");
  return bind_slave(frame, source.get(), "dev/ptmx");
}

long mount_devpts(int target, const char* data) {
  return sys::raw::call(SYS_mount, "devpts", descriptor_path(target).c_str(), "devpts", kMsNoSuid | kMsNoExec, data);
}

}  // namespace

int step_devpts(Frame& frame) {
  ScopedFd target(open_target(frame, "dev/pts", kTargetCreateDirectory));
  if (!target.valid()) return refuse(frame, target.error(), "openat2", "/dev/pts");
  long result = mount_devpts(target.get(), frame.text(0));
  if (result == -EINVAL && frame.has_text(1)) result = mount_devpts(target.get(), frame.text(1));
  if (result < 0) return refuse(frame, result, "mount", "/dev/pts");
  ScopedFd mounted(open_in_root(frame, "dev/pts", O_PATH | O_DIRECTORY));
  if (!mounted.valid()) return refuse(frame, mounted.error(), "openat2", "/dev/pts");
  const int descriptor = mounted.get();
  result = send_message(frame.context, MessageKind::kDevpts, 1, &descriptor, 1);
  if (result < 0) return refuse(frame, result, "sendmsg", "the monitor");
  return link_ptmx(frame);
}

int step_console_pty(Frame& frame) {
  Pty pty;
  const int host_master = frame.slot(frame.num(0));
  int result = host_master >= 0 ? open_host_slave(frame, host_master, pty) : open_container_pty(frame, pty);
  for (int place = 0; place < 2 && result == 0; ++place) {
    if (frame.has_text(place)) result = bind_slave(frame, pty.slave, frame.text(place));
  }
  const int master = host_master >= 0 ? host_master : pty.master;
  if (result == 0)
    result = check(frame, send_message(frame.context, MessageKind::kConsole, 1, &master, 1), "sendmsg", "the monitor");
  if (result < 0) {
    close_pty(pty);
    return result;
  }
  frame.context.console_peer = pty.slave;
  if (pty.master >= 0) sys::raw::call(SYS_close, pty.master);
  return 0;
}

namespace {

// /dev/ttyN for a tty that lives in /dev/DIR: a link, or the same device bound over what a root without autodev has there.
int link_tty(Frame& frame, long number, int slave) {
  ScopedFd dev(open_in_root(frame, "dev", O_PATH | O_DIRECTORY));
  if (!dev.valid()) return refuse(frame, dev.error(), "openat2", "/dev");
  Text<32> name;
  name.add("tty").add(number);
  Text<256> target;
  target.add(frame.text(0) + sizeof "dev").add("/").add(name.c_str());
  const long made = sys::raw::call(SYS_symlinkat, target.c_str(), dev.get(), name.c_str());
  if (made != -EEXIST) return check(frame, made, "symlink", name.c_str());
  Text<32> path;
  path.add("dev/").add(name.c_str());
  return bind_slave(frame, slave, path.c_str());
}

// One tty: /dev/ttyN, or /dev/DIR/ttyN with a way to it from /dev/ttyN.
int make_tty(Frame& frame, long number, Pty& pty) {
  int result = open_container_pty(frame, pty);
  if (result < 0) return result;
  Text<256> path;
  path.add(frame.text(0)).add("/tty").add(number);
  result = bind_slave(frame, pty.slave, path.c_str());
  if (result < 0 || equal(frame.text(0), "dev")) return result;
  return link_tty(frame, number, pty.slave);
}

int send_ttys(Frame& frame, Pty* ptys, unsigned count) {
  int masters[kTtysPerMessage];
  for (unsigned i = 0; i < count; ++i) masters[i] = ptys[i].master;
  const int result = send_message(frame.context, MessageKind::kTtys, count, masters, count);
  return check(frame, result, "sendmsg", "the monitor");
}

}  // namespace

int step_tty_ptys(Frame& frame) {
  const auto count = static_cast<unsigned>(frame.num(0));
  const long made = make_directories(frame, frame.text(0), 0755);
  if (made < 0) return refuse(frame, made, "mkdir", frame.text(0));
  for (unsigned done = 0; done < count;) {
    Pty ptys[kTtysPerMessage];
    const unsigned batch = count - done < kTtysPerMessage ? count - done : kTtysPerMessage;
    int result = 0;
    for (unsigned i = 0; i < batch && result == 0; ++i) result = make_tty(frame, static_cast<long>(done + i + 1), ptys[i]);
    if (result == 0) result = send_ttys(frame, ptys, batch);
    for (const Pty& pty : ptys) close_pty(pty);
    if (result < 0) return result;
    done += batch;
  }
  return 0;
}

int step_boot_id(Frame& frame) {
  char id[64];
  ScopedFd random(sys::raw::call(SYS_openat, AT_FDCWD, "/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC));
  const long size = random.valid() ? sys::raw::call(SYS_read, random.get(), id, sizeof id) : random.error();
  if (size < 0) return refuse(frame, size, "read", "/proc/sys/kernel/random/uuid");
  ScopedFd file(open_in_root(frame, "dev/.lxc-boot-id", O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0444));
  if (!file.valid()) return refuse(frame, file.error(), "open", "/dev/.lxc-boot-id");
  const long written = sys::raw::call(SYS_write, file.get(), id, size);
  if (written < 0) return refuse(frame, written, "write", "/dev/.lxc-boot-id");
  ScopedFd target(open_in_root(frame, "proc/sys/kernel/random/boot_id", O_PATH));
  if (!target.valid()) return refuse(frame, target.error(), "openat2", "/proc/sys/kernel/random/boot_id");
  ScopedFd source(open_in_root(frame, "dev/.lxc-boot-id", O_PATH));
  if (!source.valid()) return refuse(frame, source.error(), "openat2", "/dev/.lxc-boot-id");
  return bind_descriptor(frame, source.get(), target.get(), "/proc/sys/kernel/random/boot_id",
                         kMsReadOnly | kMsNoSuid | kMsNoDev | kMsNoExec);
}

}  // namespace berth::child
