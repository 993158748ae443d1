// Runs in: the process that becomes the attached command, inside the container (no libc, no heap, no locks).
#include "child/attach_shell.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

namespace berth::child {
namespace {

constexpr const char* kDefaultShell = "/bin/sh";
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kUidField = 2, kShellField = 6;  // passwd(5)

// Takes a passwd file apart as it comes, one character after the other: lines of any length, constant memory.
class PasswdScanner {
 public:
  PasswdScanner(std::uint64_t uid, Text<kShellMax>& shell) : uid_(uid), shell_(shell) {}

  // True when the wanted line is complete.
  bool take(char c) {
    if (c == '\n') return end_line();
    if (c == ':') {
      ++field_;
    } else if (field_ == kUidField) {
      take_digit(c);
    } else if (field_ == kShellField) {
      const char piece[2] = {c, '\0'};
      candidate_.add(piece);
    }
    return false;
  }

  bool end_line() {
    const bool found = field_ == kShellField && digits_ > 0 && valid_ && value_ == uid_ && candidate_.c_str()[0] == '/';
    if (found) shell_ = candidate_;
    field_ = digits_ = 0;
    value_ = 0;
    valid_ = true;
    candidate_ = {};
    return found;
  }

 private:
  void take_digit(char c) {
    constexpr int kMostDigits = 10;
    if (c < '0' || c > '9' || ++digits_ > kMostDigits)
      valid_ = false;
    else
      value_ = value_ * 10 + static_cast<std::uint64_t>(c - '0');
  }

  std::uint64_t uid_, value_ = 0;
  Text<kShellMax>& shell_;
  Text<kShellMax> candidate_;
  int field_ = 0, digits_ = 0;
  bool valid_ = true;
};

bool shell_from_file(std::uint64_t uid, Text<kShellMax>& shell) {
  // Not blocking: a fifo of that name must not hold us up.
  ScopedFd file(sys::raw::call(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return file.valid() && find_shell(file.get(), uid, shell);
}

[[noreturn]] void run_getent(int output, const char* uid) {
  const char* argv[] = {"getent", "passwd", uid, nullptr};
  const char* envp[] = {nullptr};
  const long null = sys::raw::call(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) {
    sys::raw::call(SYS_dup3, null, 0, 0);
    sys::raw::call(SYS_dup3, null, 2, 0);
  }
  sys::raw::call(SYS_dup3, output, 1, 0);
  constexpr const char* kPlaces[] = {"/usr/bin/getent", "/bin/getent"};
  for (const char* path : kPlaces) sys::raw::call(SYS_execve, path, argv, envp);
  for (;;) sys::raw::call(SYS_exit_group, 127);
}

// The container's own name services (LDAP, systemd-homed) know users that /etc/passwd doesn't.
bool shell_from_getent(std::uint64_t uid, Text<kShellMax>& shell) {
  int ends[2];
  if (sys::raw::call(SYS_pipe2, ends, O_CLOEXEC) < 0) return false;
  ScopedFd reader(ends[0]);
  Text<24> number;
  number.add(static_cast<long>(uid));
  const long pid = sys::raw::call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) run_getent(ends[1], number.c_str());
  sys::raw::call(SYS_close, ends[1]);
  if (pid < 0) return false;
  const bool found = find_shell(reader.get(), uid, shell);
  int status = 0;
  while (sys::raw::call(SYS_wait4, pid, &status, 0, nullptr) == -EINTR) continue;
  return found;
}

const char* value_of(const StringList& environment, const char* name) {
  const std::size_t size = length(name);
  for (std::uint32_t i = 0; i < environment.size(); ++i) {
    const char* entry = environment[i];
    std::size_t at = 0;
    while (at < size && entry[at] == name[at]) ++at;
    if (at == size && entry[at] == '=') return entry + at + 1;
  }
  return nullptr;
}

bool has_slash(const char* text) {
  for (; *text != '\0'; ++text) {
    if (*text == '/') return true;
  }
  return false;
}

// The file that execve refused for its format: the first executable one on PATH.
Text<kPathMax> locate(const char* name, const char* path) {
  constexpr int kMayExecute = 1;  // X_OK
  Text<kPathMax> found;
  if (has_slash(name)) return found.add(name);
  while (*path != '\0') {
    Text<kPathMax> candidate;
    for (char piece[2] = {}; *path != '\0' && *path != ':'; ++path) {
      piece[0] = *path;
      candidate.add(piece);
    }
    if (*path == ':') ++path;
    candidate.add("/").add(name);
    if (sys::raw::call(SYS_faccessat, AT_FDCWD, candidate.c_str(), kMayExecute) == 0) return candidate;
  }
  return found.add(name);
}

void exec_list(Frame& frame, const char* file, const char** argv) {
  const StringList environment = frame.list(1);
  auto** envp = static_cast<const char**>(__builtin_alloca((environment.size() + 1) * sizeof(char*)));
  for (std::uint32_t i = 0; i < environment.size(); ++i) envp[i] = environment[i];
  envp[environment.size()] = nullptr;
  frame.failure.error = static_cast<int>(-sys::raw::call(SYS_execve, file, argv, envp));
}

// What execvp(3) does with a file that is no program: a script without a first line that says so.
int exec_by_shell(Frame& frame) {
  const StringList arguments = frame.list(0);
  const char* path = value_of(frame.list(1), "PATH");
  const char* wanted = frame.has_text(0) ? frame.text(0) : arguments[0];
  const Text<kPathMax> file = locate(wanted, path != nullptr ? path : kDefaultPath);
  auto** argv = static_cast<const char**>(__builtin_alloca((arguments.size() + 2) * sizeof(char*)));
  argv[0] = kDefaultShell;
  argv[1] = file.c_str();
  for (std::uint32_t i = 1; i < arguments.size(); ++i) argv[i + 1] = arguments[i];
  argv[arguments.size() + 1] = nullptr;
  exec_list(frame, kDefaultShell, argv);
  return refuse(frame, -ENOEXEC, "execve", wanted);
}

void default_signals() {
  // As step_exec leaves them: the helper was started with everything at its default, only the mask may differ.
  const std::uint64_t none = 0;
  sys::raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
}

int exec_shell(Frame& frame) {
  const auto uid = static_cast<std::uint64_t>(frame.num(1));
  Text<kShellMax> shell;
  if (shell_from_file(uid, shell) || shell_from_getent(uid, shell)) {
    default_signals();
    const char* argv[] = {shell.c_str(), nullptr};
    exec_list(frame, shell.c_str(), argv);
  }
  default_signals();
  const char* argv[] = {kDefaultShell, nullptr};
  exec_list(frame, kDefaultShell, argv);
  return refuse(frame, -frame.failure.error, "execve", kDefaultShell);
}

}  // namespace

bool find_shell(int fd, std::uint64_t uid, Text<kShellMax>& shell) {
  PasswdScanner scanner(uid, shell);
  char block[1024];
  for (;;) {
    const long got = sys::raw::call(SYS_read, fd, block, sizeof block);
    if (got == -EINTR) continue;
    if (got <= 0) return scanner.end_line();
    for (long i = 0; i < got; ++i) {
      if (scanner.take(block[i])) return true;
    }
  }
}

int step_exec_command(Frame& frame) {
  if (frame.list(0).size() == 0) return exec_shell(frame);
  const int result = step_exec(frame);
  return result == -ENOEXEC ? exec_by_shell(frame) : result;
}

}  // namespace berth::child
