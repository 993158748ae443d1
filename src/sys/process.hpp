// Processes, namespaces, credentials. One function a system call.
#pragma once

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::sys {

pid_t current_pid();
uid_t effective_uid();
gid_t effective_gid();
void sleep_for(std::chrono::milliseconds time);
Result<std::pair<Fd, Fd>> make_pipe();  // read end, write end
Result<Fd> open_pidfd(pid_t pid);
Status send_signal(int pidfd, int signal);
// To the process group that this process leads and that has its number. By the pidfd where the kernel can (6.9); else by the
// number, which is its own as long as the process has not been waited for.
Status send_signal_to_group(int pidfd, pid_t pid, int signal);
Status kill(pid_t pid, int signal);
// waitid(P_PIDFD, WEXITED): blocks. Returns the status in wait(2) form. A child that the caller's handling of SIGCHLD has taken
// (ignored, or a handler that waits for everybody) is awaited too; its status is known where the kernel keeps it (6.15), else it
// is the Error ECHILD.
Result<int> wait_pidfd(int pidfd);
// Until the process has ended, whoever its parent is.
void await_exit(int pidfd);
// The same without blocking; nothing while the process lives.
Result<std::optional<int>> try_wait_pidfd(int pidfd);
Result<int> wait_pid(pid_t pid);  // wait(2) form

Status unshare(int flags, std::string_view what);
Status set_namespace(int fd, int flags, std::string_view what);

struct Cloned {
  pid_t pid = 0;  // 0 in the child
  Fd pidfd;       // valid in the parent only
};
// clone3 with its own copy of the address space. `cgroup_fd` >= 0 puts the child into that cgroup v2 directory at birth.
// The child may use raw system calls only until it calls exec. Until then its end sends no signal, and only wait_pidfd() and
// wait_pid() find it: no habit of the caller about children takes its status away.
Result<Cloned> clone(std::uint64_t flags, int cgroup_fd = -1);

Status set_death_signal(int signal);
// Whoever descends from this process and loses its parent becomes its child instead of init's. Returns what was set before.
Result<bool> adopt_orphans(bool wanted);
Status set_process_limit(pid_t pid, int resource, rlim64_t soft, rlim64_t hard);
Result<Fd> signal_fd(const sigset_t& mask);
// The signal does again what it does in a fresh process. For one that can have a handler.
void reset_signal(int signal);
Status block_signals(const sigset_t& mask);

// Blocks every signal of this thread for its life: no handler of a caller's may run in a copy of its process, where its world is
// half gone.
class SignalsBlocked {
 public:
  SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { restore(); }
  // As they were; also in a copy.
  void restore();

 private:
  unsigned long before_ = 0;
};

// Sealed or read-only copy of a program, so that nothing which is run from it can reach the host's file through
// /proc/PID/exe: a detached read-only mount where mounting is allowed, else a sealed memfd.
Result<Fd> open_program_safely(const std::string& path);

struct Spawn {
  int program_fd = -1;                   // executed with execveat(AT_EMPTY_PATH); not for scripts
  std::string program_path;              // executed when there is no program_fd; scripts are fine
  std::vector<std::string> arguments;    // argv, [0] included
  std::vector<std::string> environment;  // envp
  // Descriptor `first` of the parent becomes descriptor `second` of the program; everything else is closed.
  std::vector<std::pair<int, int>> descriptors;
  std::uint64_t clone_flags = 0;
  int cgroup_fd = -1;  // cgroup v2 directory to be born in
  int network = -1;    // network namespace to run in
  int mounts = -1;     // mount namespace to run in, the working directory being the caller's by its path
  bool new_session = false;
  bool detached = false;  // no child of the caller: nobody waits for it, its end shows in its pidfd
  // SIGKILL for it when the calling thread ends, so that thread has to wait for it. Not for one that is detached.
  bool dies_with_caller = false;
};
// Starts a program without touching the caller's heap, locks or threads in the child. Returns when it is executed.
Result<Cloned> spawn(Spawn request);

// A program on its way from clone to exec, for a caller that has something else to do meanwhile.
class Spawning {
 public:
  // The descriptors that `request` names may be closed afterwards.
  static Result<Spawning> begin(Spawn request);
  Spawning(Spawning&&) noexcept;
  Spawning& operator=(Spawning&&) = delete;
  ~Spawning();  // waits, as the child uses this memory
  // Waits for the exec; an Error when it failed. Once.
  Result<Cloned> finish();

 private:
  struct State;
  explicit Spawning(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace berth::sys
