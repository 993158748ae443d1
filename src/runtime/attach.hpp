// Enters a running container (berth's or LXC's own) and runs a command there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/pid_ref.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

// Restrictions that the command is spared (lxc-attach -e).
struct Elevation {
  bool cgroup = false;        // stays in the caller's control groups
  bool capabilities = false;  // keeps the caller's capabilities; no_new_privs is not set
  bool lsm = false;           // keeps the caller's security label
  static constexpr Elevation all() { return {true, true, true}; }
};

struct AttachEnvironment {
  bool clear = false;             // --clear-env; false: the caller's environment is kept
  std::vector<std::string> keep;  // names that survive `clear`
  std::vector<std::string> set;   // NAME=VALUE, applied last
};

struct AttachRequest {
  std::vector<std::string> command;  // empty: the shell of the uid in the container's user database, else /bin/sh
  std::string program;               // the file to execute, where it is not command[0]
  Elevation elevated;
  std::optional<int> namespaces;  // CLONE_NEW* mask; nothing: every namespace in which init differs from the caller.
                                  // lxc-attach -s implies Elevation::all(): that is the command's rule, not made here
  bool remount_sys_proc = false;  // fresh /proc and /sys; without effect when the mount namespace is entered
  AttachEnvironment environment;
  std::optional<std::string> cwd;  // nothing: the caller's directory where it exists inside, else "/"
  std::optional<uid_t> uid;        // ids of the container; nothing: 0, or the caller's own
                                   // when it is not root and enters no user namespace
  std::optional<gid_t> gid;
  std::optional<std::vector<gid_t>> groups;  // supplementary groups; nothing: none
  std::optional<std::uint64_t> personality;  // PER_*; nothing: init's
  bool keep_personality = false;             // the caller's, whatever init's is
  bool no_new_privileges = false;            // also where the container is not configured so
  std::string pty_log;                       // what the command prints on its terminal is appended here (0640)
  int pty_log_fd = -1;                       // or here; not owned
  std::string rcfile;                        // takes the place of the container's configuration for what the monitor can't tell
  std::string selinux_context;               // refused until the security modules exist
  int stdin_fd = 0, stdout_fd = 1, stderr_fd = 2;
  bool terminal = true;  // make a terminal in the container when one of the three is one; false: never
};

struct AttachOutcome {
  int status = 0;                // wait(2) form
  std::optional<Error> failure;  // the command could not be executed: status then says 126 or 127
};

// Runs the command and waits for it; proxies its terminal when one was made. The caller ignores SIGINT and SIGQUIT meanwhile
// (they reach the command). Errors: not running, frozen (unless elevated.cgroup), permission denied, and failures on the way in;
// a command that could not be executed is no Error but an outcome with `failure`.
Result<AttachOutcome> attach(const Container& container, const AttachRequest& request);

// A process in the container, a child of the caller, who reaps it.
struct AttachedProcess {
  pid_t pid = -1;
  std::optional<Error> failure;  // the command could not be executed: the process exits with 126 or 127
  os::PidRef process;            // the same process, for who waits for it
};

// The same without the wait: returns as soon as the command is executed. With a terminal, which needs its caller, only when the
// command has ended and all that it printed is shown.
Result<AttachedProcess> attach_in_background(const Container& container, const AttachRequest& request);

// Code of the caller's own that runs in the container, in a copy of the caller's process; what it returns is the exit status.
struct AttachedCall {
  int (*function)(void* payload) = nullptr;
  void* payload = nullptr;
};
// Forks the caller: the other threads do not exist in the copy. Its descriptors are all open there; `command` is not looked at.
// The copy can't be traced by others and writes no core (PR_SET_DUMPABLE), as it holds the caller's memory.
Result<AttachedProcess> attach_call(const Container& container, const AttachRequest& request, const AttachedCall& call);

// What a shell would report for a wait(2) status: the exit code, or 128 + signal.
int exit_code(int wait_status);

// "CGROUP|LSM" (lxc-attach -e). Error: names the word that is none and lists those that are.
Result<Elevation> parse_elevation(std::string_view text);
// "NETWORK|IPC" (lxc-attach -s) -> CLONE_NEW* mask.
Result<int> parse_namespaces(std::string_view text);

}  // namespace berth::runtime
