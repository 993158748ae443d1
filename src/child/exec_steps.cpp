// Runs in: the container's first process, between clone and exec (no libc, no heap).
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "child/frame.hpp"

namespace berth::child {
namespace {

constexpr unsigned kMaxGroups = 65536;  // NGROUPS_MAX of the kernel
constexpr unsigned kSignals = 64;
constexpr std::size_t kKernelSignalSet = 8;

// Pointers to the strings of `list`, ended by null, in `out` (room for list.size() + 1).
void pointers(const StringList& list, const char** out) {
  for (std::uint32_t i = 0; i < list.size(); ++i) out[i] = list[i];
  out[list.size()] = nullptr;
}

// The monitor blocks signals and may ignore some; a program starts with none of that.
void reset_signals() {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    std::uint64_t mask;
  } action = {};
  for (unsigned signal = 1; signal <= kSignals; ++signal)
    sys::raw::call(SYS_rt_sigaction, signal, &action, nullptr, kKernelSignalSet);
  const std::uint64_t none = 0;
  sys::raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kKernelSignalSet);
}

const char* find_value(const StringList& environment, const char* name) {
  const std::size_t size = length(name);
  for (std::uint32_t i = 0; i < environment.size(); ++i) {
    const char* entry = environment[i];
    std::size_t at = 0;
    while (at < size && entry[at] == name[at]) ++at;
    if (at == size && entry[at] == '=') return entry + at + 1;
  }
  return nullptr;
}

// execvp without libc: each directory of PATH in turn; "permission denied" is remembered over "not found".
long exec_searching(const char* name, const char** argv, const char** envp, const char* path) {
  long verdict = -ENOENT;
  while (*path != '\0') {
    Text<kPathMax> candidate;
    char piece[2] = {};
    while (*path != '\0' && *path != ':') {
      piece[0] = *path++;
      candidate.add(piece);
    }
    if (*path == ':') ++path;
    const long result = sys::raw::call(SYS_execve, candidate.add("/").add(name).c_str(), argv, envp);
    if (result != -ENOENT && result != -ENOTDIR) verdict = result;
  }
  return verdict;
}

bool has_slash(const char* text) {
  for (; *text != '\0'; ++text) {
    if (*text == '/') return true;
  }
  return false;
}

bool is_terminal(int fd) {
  char settings[64];
  return sys::raw::call(SYS_ioctl, fd, TCGETS, settings) == 0;
}

[[noreturn]] void hook_child(Frame& frame, int output) {
  const StringList arguments = frame.list(0);
  const StringList environment = frame.list(1);
  auto** argv = static_cast<const char**>(__builtin_alloca((arguments.size() + 1) * sizeof(char*)));
  auto** envp = static_cast<const char**>(__builtin_alloca((environment.size() + 1) * sizeof(char*)));
  pointers(arguments, argv);
  pointers(environment, envp);
  sys::raw::call(SYS_dup3, output, 1, 0);
  sys::raw::call(SYS_dup3, output, 2, 0);
  reset_signals();
  sys::raw::call(SYS_execve, argv[0], argv, envp);
  for (;;) sys::raw::call(SYS_exit_group, 127);
}

// Hands what a hook prints to the monitor's log, line by line; a line that is too long for a message is broken.
class OutputLog {
 public:
  explicit OutputLog(Frame& frame) : frame_(frame), wanted_(keeps_debug_log(frame.blob)) {}
  void append(const char* block, std::size_t size) {
    for (std::size_t i = 0; wanted_ && i < size; ++i) {
      if (block[i] != '\n') message_.failure.output[used_++] = block[i];
      if (block[i] == '\n' || used_ + 1 == sizeof message_.failure.output) send();
    }
  }
  // The last line may have no end.
  void finish() {
    if (used_ > 0) send();
  }

 private:
  void send() {
    message_.failure.output[used_] = '\0';
    send_note(frame_, MessageKind::kOutput, message_);
    used_ = 0;
  }

  Frame& frame_;
  bool wanted_;
  std::size_t used_ = 0;
  Message message_;
};

// The end of what a hook prints: that is where the reason stands.
class OutputTail {
 public:
  explicit OutputTail(Frame& frame) : out_(frame.failure.output), capacity_(sizeof frame.failure.output), log_(frame) {
    out_[0] = '\0';
  }
  // Takes what is there. False when nothing is for now, or ever.
  bool read_from(int fd) {
    char block[512];
    const long got = sys::raw::call(SYS_read, fd, block, sizeof block);
    if (got > 0) append(block, static_cast<std::size_t>(got));
    if (got > 0) log_.append(block, static_cast<std::size_t>(got));
    return got > 0 || got == -EINTR;
  }
  void finish() { log_.finish(); }

 private:
  void append(const char* block, std::size_t size) {
    if (used_ + size >= capacity_) {
      const std::size_t drop = used_ + size + 1 - capacity_;
      const std::size_t shift = drop < used_ ? drop : used_;
      for (std::size_t i = shift; i < used_; ++i) out_[i - shift] = out_[i];
      used_ -= shift;
    }
    for (std::size_t i = 0; i < size && used_ + 1 < capacity_; ++i) out_[used_++] = block[i];
    out_[used_] = '\0';
  }

  char* out_;
  std::size_t capacity_;
  std::size_t used_ = 0;
  OutputLog log_;
};

// Until the hook itself ends: what it leaves in the background may keep the pipe open for ever.
void follow_hook(int pidfd, int output, OutputTail& tail) {
  pollfd sources[2] = {{output, POLLIN, 0}, {pidfd, POLLIN, 0}};
  while (sources[1].revents == 0) {
    const long ready = sys::raw::call(SYS_ppoll, sources, 2, nullptr, nullptr, 0);
    if (ready < 0 && ready != -EINTR) break;
    // At end of file only the hook's own end is left to wait for.
    if (sources[0].revents != 0 && !tail.read_from(output)) sources[0].fd = -1;
  }
  while (tail.read_from(output)) continue;
  tail.finish();
}

int report_hook(Frame& frame, int status) {
  if (status == 0) return 0;
  // list0 is { "/bin/sh", "-c", "exec HOOK ..." }: the shell knows the rest.
  Text<sizeof(Failure::object)> how;
  const StringList arguments = frame.list(0);
  how.add(frame.has_text(0) ? frame.text(0) : arguments[arguments.size() - 1]);
  if ((status & 0x7f) != 0)
    how.add(", killed by signal ").add(static_cast<long>(status & 0x7f));
  else
    how.add(", exit status ").add(static_cast<long>(status >> 8 & 0xff));
  return refuse(frame, -ECANCELED, "hook", how.c_str());
}

}  // namespace

int step_hook(Frame& frame) {
  int ends[2];
  long result = sys::raw::call(SYS_pipe2, ends, O_CLOEXEC);
  // Only our end: the hook's must block like any standard output.
  if (result == 0) result = sys::raw::call(SYS_fcntl, ends[0], F_SETFL, O_NONBLOCK);
  if (result < 0) return refuse(frame, result, "pipe2", "hook output");
  ScopedFd reader(ends[0]);
  int pidfd = -1;
  const long pid = sys::raw::call(SYS_clone, SIGCHLD | CLONE_PIDFD, 0, &pidfd, 0, 0);
  if (pid == 0) hook_child(frame, ends[1]);
  sys::raw::call(SYS_close, ends[1]);
  if (pid < 0) return refuse(frame, pid, "clone", "hook");
  const ScopedFd hook(pidfd);
  OutputTail tail(frame);
  follow_hook(pidfd, reader.get(), tail);
  int status = 0;
  do result = sys::raw::call(SYS_wait4, pid, &status, 0, nullptr);
  while (result == -EINTR);
  if (result < 0) return refuse(frame, result, "wait4", "hook");
  return report_hook(frame, status);
}

int step_set_ids(Frame& frame) {
  const StringList groups = frame.list(0);
  if (frame.num(2) != 0) {
    const unsigned count = groups.size();
    if (count > kMaxGroups) return refuse(frame, -EINVAL, "setgroups", "lxc.init.groups: too many");
    auto* ids = static_cast<unsigned*>(__builtin_alloca((count + 1) * sizeof(unsigned)));
    for (unsigned i = 0; i < count; ++i) {
      ids[i] = 0;
      for (const char* digit = groups[i]; *digit >= '0' && *digit <= '9'; ++digit)
        ids[i] = ids[i] * 10 + static_cast<unsigned>(*digit - '0');
    }
    const long result = sys::raw::call(SYS_setgroups, count, ids);
    if (result < 0) return refuse(frame, result, "setgroups", "lxc.init.groups");
  }
  Text<32> text;
  text.add(static_cast<long>(frame.num(1)));
  long result = sys::raw::call(SYS_setresgid, frame.num(1), frame.num(1), frame.num(1));
  if (result < 0) return refuse(frame, result, "setresgid", text.c_str());
  result = sys::raw::call(SYS_setresuid, frame.num(0), frame.num(0), frame.num(0));
  Text<32> uid;
  uid.add(static_cast<long>(frame.num(0)));
  return check(frame, result, "setresuid", uid.c_str());
}

int step_session(Frame& frame) {
  if (frame.num(0) != 0) {
    const long result = sys::raw::call(SYS_setsid);
    if (result < 0 && result != -EPERM) return refuse(frame, result, "setsid", "init");
  }
  const int terminal = frame.num(1) >= 0 ? frame.slot(frame.num(1)) : frame.context.console_peer;
  if (terminal < 0) return 0;
  const bool terminals_only = frame.num(2) != 0;
  // Only a terminal that a person sits at becomes the controlling one; a daemon's console stays free for a getty.
  if (terminals_only && frame.num(3) != 0) sys::raw::call(SYS_ioctl, terminal, TIOCSCTTY, 0);
  for (int fd = 0; fd <= 2; ++fd) {
    if (terminals_only && !is_terminal(fd)) continue;
    const long result = sys::raw::call(SYS_dup3, terminal, fd, 0);
    if (result < 0) return refuse(frame, result, "dup3", "console");
  }
  return 0;
}

int step_exec(Frame& frame) {
  const StringList arguments = frame.list(0);
  const StringList environment = frame.list(1);
  auto** argv = static_cast<const char**>(__builtin_alloca((arguments.size() + 1) * sizeof(char*)));
  auto** envp = static_cast<const char**>(__builtin_alloca((environment.size() + 1) * sizeof(char*)));
  pointers(arguments, argv);
  pointers(environment, envp);
  if (argv[0] == nullptr) return refuse(frame, -EINVAL, "execve", "no program");
  reset_signals();
  const int program = frame.slot(frame.num(0));
  if (program >= 0)
    return refuse(frame, sys::raw::call(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH), "execveat", argv[0]);
  const char* file = frame.has_text(0) ? frame.text(0) : argv[0];
  if (has_slash(file)) return refuse(frame, sys::raw::call(SYS_execve, file, argv, envp), "execve", file);
  const char* path = find_value(environment, "PATH");
  return refuse(
      frame,
      exec_searching(file, argv, envp, path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
      "execve", file);
}

}  // namespace berth::child
