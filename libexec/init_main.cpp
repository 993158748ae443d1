// Runs in: the container, as its process 1 below lxc-execute. Static, without a C library, started from a descriptor, so that it
// needs no file in the container:
//
//   berth-init [--] COMMAND [ARGUMENT...]
//
// Runs the command, reaps every orphan, and ends when no process is left: with the command's exit code, 128 + n when signal n
// killed it, 126 or 127 when it could not be executed. SIGTERM and SIGPWR from outside end all processes: SIGTERM first, SIGKILL
// a second later. Every other signal from outside goes to the command; signals from inside the container are none of its
// business. In a pid namespace that it shares with others it is not process 1: then "all" is every process that descends from it,
// and signals from everybody count, as inside and outside can't be told apart.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "descendants.hpp"
#include "freestanding/program.hpp"
#include "sys/raw.hpp"

namespace {

namespace raw = berth::sys::raw;

constexpr int kUsage = 1, kNotExecutable = 126, kNotFound = 127, kKilledBase = 128;  // exit statuses
constexpr std::size_t kPathMax = 4096;
constexpr std::size_t kKernelSignalSet = 8;
constexpr std::int64_t kSecond = 1'000'000'000;  // ns
constexpr std::int64_t kLookAgain = kSecond / 20;
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

constexpr std::uint64_t bit(int number) { return std::uint64_t{1} << (number - 1); }
// Faults of this program itself must not wait in a queue.
constexpr std::uint64_t kTaken = ~(bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) | bit(SIGTRAP));

std::size_t size_of(const char* text) {
  std::size_t size = 0;
  while (text[size] != '\0') ++size;
  return size;
}

bool equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

bool has_slash(const char* text) {
  for (; *text != '\0'; ++text) {
    if (*text == '/') return true;
  }
  return false;
}

[[noreturn]] void leave(int status) {
  for (;;) raw::call(SYS_exit_group, status);
}

void say(const char* text) { raw::call(SYS_write, 2, text, size_of(text)); }

// --- the command's process ---------------------------------------------------------------------------------------------------

const char* reason(long error) {
  switch (-error) {
    case ENOENT:
      return "there is no such program in the container, or its interpreter is missing (ENOENT)";
    case ENOTDIR:
      return "a component of its path is no directory (ENOTDIR)";
    case EACCES:
      return "permission denied (EACCES): the file is not executable, or lies on a mount with noexec";
    case ENOEXEC:
      return "it is no program of this architecture (ENOEXEC)";
    case E2BIG:
      return "its arguments and environment are too long (E2BIG)";
    case ENOMEM:
      return "there is not enough memory (ENOMEM)";
    default:
      return "the kernel refused it";
  }
}

const char* find_path(char** environment) {
  constexpr char kName[] = "PATH=";
  constexpr std::size_t kSize = sizeof kName - 1;
  for (; *environment != nullptr; ++environment) {
    std::size_t at = 0;
    while (at < kSize && (*environment)[at] == kName[at]) ++at;
    if (at == kSize) return *environment + kSize;
  }
  return kDefaultPath;
}

// A file that is no program but executable is a script without a first line that says so: as execvp(3) does.
long exec_file(const char* file, char** arguments, char** environment) {
  const long result = raw::call(SYS_execve, file, arguments, environment);
  if (result != -ENOEXEC) return result;
  std::size_t count = 0;
  while (arguments[count] != nullptr) ++count;
  auto** argv = static_cast<const char**>(__builtin_alloca((count + 2) * sizeof(char*)));
  argv[0] = "/bin/sh";
  argv[1] = file;
  for (std::size_t i = 1; i <= count; ++i) argv[i + 1] = arguments[i];
  raw::call(SYS_execve, argv[0], argv, environment);
  return result;
}

// "permission denied" on one directory of PATH is remembered over "not found" on the others.
long exec_on_path(char** arguments, char** environment) {
  const char* name = arguments[0];
  if (has_slash(name)) return exec_file(name, arguments, environment);
  long verdict = -ENOENT;
  for (const char* path = find_path(environment); *path != '\0';) {
    char file[kPathMax];
    std::size_t size = 0;
    for (; *path != '\0' && *path != ':'; ++path) {
      if (size + 1 < sizeof file) file[size++] = *path;
    }
    if (*path == ':') ++path;
    if (size + 1 + size_of(name) + 1 > sizeof file) continue;
    file[size++] = '/';
    for (const char* c = name;; ++c) {
      file[size++] = *c;
      if (*c == '\0') break;
    }
    const long result = exec_file(file, arguments, environment);
    if (result != -ENOENT && result != -ENOTDIR) verdict = result;
  }
  return verdict;
}

[[noreturn]] void become_command(char** arguments, char** environment) {
  const std::uint64_t none = 0;
  raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kKernelSignalSet);
  raw::call(SYS_setsid);
  raw::call(SYS_ioctl, 0, TIOCSCTTY, 0);  // refused where standard input is no terminal or is somebody's already
  const long error = exec_on_path(arguments, environment);
  say("lxc-execute: cannot execute ");
  say(arguments[0]);
  say(": ");
  say(reason(error));
  say("\n");
  leave(error == -ENOENT || error == -ENOTDIR ? kNotFound : kNotExecutable);
}

// --- process 1 -----------------------------------------------------------------------------------------------------------------

// Without a root of its own the container sees the host's /proc, which shows other processes. Only in a mount namespace that is
// not the host's; a container with a root has what its configuration says.
void mount_what_the_host_has() {
  char self[16] = {};
  const long size = raw::call(SYS_readlinkat, AT_FDCWD, "/proc/self", self, sizeof self - 1);
  if (size <= 0 || equal(self, "1")) return;
  struct stat own = {}, hosts = {};
  if (raw::call(SYS_newfstatat, AT_FDCWD, "/proc/self/ns/mnt", &own, 0) < 0) return;
  if (raw::call(SYS_newfstatat, AT_FDCWD, "/proc/1/ns/mnt", &hosts, 0) < 0) return;
  if (own.st_ino == hosts.st_ino) return;
  if (raw::call(SYS_mount, "none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0) return;
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  raw::call(SYS_mount, "proc", "/proc", "proc", kFlags, nullptr);
  raw::call(SYS_mount, "mqueue", "/dev/mqueue", "mqueue", kFlags, nullptr);  // absent directories are no fault
  raw::call(SYS_mount, "shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, nullptr);
}

// A pipe that the command reads or writes must see its end when the command is gone, not when its orphans are.
void let_go_of_descriptors() {
  long nothing = raw::call(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
  if (nothing < 0) nothing = raw::call(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
  for (int fd = 0; fd <= 2; ++fd) {
    if (nothing < 0)
      raw::call(SYS_close, fd);
    else if (nothing != fd)
      raw::call(SYS_dup3, nothing, fd, 0);
  }
  constexpr int kFirst = 3, kMost = 1024;
  if (raw::call(SYS_close_range, kFirst, ~0U, 0) == 0) return;
  for (int fd = kFirst; fd < kMost; ++fd) raw::call(SYS_close, fd);
}

class Init {
 public:
  explicit Init(long command, bool is_first) : command_(command), group_(command), is_first_(is_first) {}

  int run() {
    while (reap()) {
      siginfo_t info = {};
      const long number = next_signal(info);
      if (number > 0)
        take(static_cast<int>(number), info);
      else if (number == -EAGAIN)
        kill_all();  // the second is over
    }
    return status_;
  }

 private:
  // False when no process is left.
  bool reap() {
    for (;;) {
      int status = 0;
      const long pid = raw::call(SYS_wait4, -1, &status, WNOHANG, nullptr);
      if (pid == -EINTR) continue;
      if (pid < 0) return false;
      if (pid == 0) return true;
      if (pid != command_) {
        forget_empty_group();
        continue;
      }
      status_ = WIFSIGNALED(status) ? kKilledBase + WTERMSIG(status) : WEXITSTATUS(status);
      command_ = -1;
      forget_empty_group();
    }
  }

  // Once the command is reaped and its group is empty, somebody else may get the number.
  void forget_empty_group() {
    if (command_ < 0 && group_ > 0 && raw::call(SYS_kill, -group_, 0) == -ESRCH) group_ = -1;
  }

  // kill(-1) reaches the whole pid namespace, which is this container only where this program is process 1. Elsewhere its
  // descendants are looked for, also those with a session of their own; where that is not possible the group has to do.
  void signal_all(int number) const {
    if (is_first_) {
      raw::call(SYS_kill, -1, number);
      return;
    }
    if (berth::descendants::signal_all(number)) return;
    const long sent = group_ > 0 ? raw::call(SYS_kill, -group_, number) : 0;
    if (sent == -ESRCH && command_ > 0) raw::call(SYS_kill, command_, number);  // it has no group of its own yet
  }

  void kill_all() {
    signal_all(SIGKILL);
    deadline_ = now() + (is_first_ ? kSecond : kLookAgain);  // what is stuck in the kernel, or was born meanwhile, is tried again
  }

  static std::int64_t now() {
    timespec time = {};
    raw::call(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
  }

  // -EAGAIN: the time of grace is over.
  long next_signal(siginfo_t& info) const {
    const std::uint64_t wanted = kTaken;
    if (deadline_ == 0) return raw::call(SYS_rt_sigtimedwait, &wanted, &info, nullptr, kKernelSignalSet);
    const std::int64_t rest = deadline_ - now();
    const std::int64_t left = rest > 0 ? rest : 0;
    timespec grace = {left / kSecond, left % kSecond};
    return raw::call(SYS_rt_sigtimedwait, &wanted, &info, &grace, kKernelSignalSet);
  }

  void take(int number, const siginfo_t& info) {
    // Senders outside of this pid namespace, and the kernel, have no number here.
    if (number == SIGCHLD || (is_first_ && info.si_pid != 0)) return;
    if (number == SIGTERM || number == SIGPWR) {
      signal_all(SIGTERM);
      if (deadline_ == 0) deadline_ = now() + kSecond;
    } else if (command_ > 0) {
      raw::call(SYS_kill, command_, number);
    }
  }

  long command_;
  long group_;  // the command's process group; -1 = empty
  bool is_first_;
  int status_ = 0;
  std::int64_t deadline_ = 0;  // of a shutdown, monotonic ns; 0 = none
};

}  // namespace

int berth_program(int count, char** arguments, char** environment) {
  int first = 1;
  if (first < count && equal(arguments[first], "--")) ++first;
  if (first >= count) {
    say("usage: berth-init [--] COMMAND [ARGUMENT...]\n");
    return kUsage;
  }
  raw::call(SYS_prctl, PR_SET_NAME, "berth-init", 0, 0, 0);
  const std::uint64_t taken = kTaken;
  raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &taken, nullptr, kKernelSignalSet);
  const bool is_first = raw::call(SYS_getpid) == 1;
  if (is_first)
    mount_what_the_host_has();
  else
    raw::call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);  // a shared pid namespace
  const long pid = raw::call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) become_command(arguments + first, environment);
  if (pid < 0) {
    say("lxc-execute: cannot make a process for the command\n");
    return kNotExecutable;
  }
  let_go_of_descriptors();
  return Init(pid, is_first).run();
}
