// Runs in: the attaching command or library caller.
#include "runtime/attach.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/defer.hpp"
#include "base/strings.hpp"
#include "os/namespaces.hpp"
#include "os/terminal.hpp"
#include "plan/attach_plan.hpp"
#include "runtime/attach_session.hpp"
#include "runtime/attach_target.hpp"
#include "runtime/attach_terminal.hpp"
#include "runtime/host_program.hpp"
#include "runtime/seccomp.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace berth::runtime {
namespace {

constexpr mode_t kLogMode = 0640;

std::array<int, 3> stdio_of(const AttachRequest& request) { return {request.stdin_fd, request.stdout_fd, request.stderr_fd}; }

bool wants_terminal(const AttachRequest& request) {
  const auto stdio = stdio_of(request);
  return request.terminal && std::any_of(stdio.begin(), stdio.end(), [](int fd) { return fd >= 0 && os::is_terminal(fd); });
}

Status check_request(const AttachRequest& request) {
  if (!request.selinux_context.empty()) {
    return fail(Error::message("a SELinux context can't be given yet", ENOTSUP).hint("attach without -c"));
  }
  if (request.namespaces && (*request.namespaces & ~os::all_namespace_flags()) != 0) {
    return fail(Error::message(strings::cat("the namespaces to enter hold unknown bits: ", *request.namespaces)));
  }
  for (const std::string& entry : request.environment.set) {
    if (entry.find('=') == entry.npos || entry.front() == '=') {
      return fail(Error::message(strings::cat("'", entry, "' does not set a variable")).hint("write NAME=VALUE"));
    }
  }
  return {};
}

// A command that enters must not be freer than the container is.
Status check_confinement(const AttachRequest& request, const AttachTarget& target) {
  constexpr std::string_view kHint = "attach with --elevated-privileges=LSM to enter without it";
  if (request.elevated.lsm) return {};
  if (!target.label.empty()) {
    return fail(Error::message(strings::cat("the container is confined by the security label '", target.label,
                                            "', which attach can't apply yet"),
                               ENOTSUP)
                    .hint(kHint));
  }
  if (target.filtered && target.seccomp_profile.empty()) {
    return fail(Error::message("the container is confined by a seccomp filter that is not of its configuration", ENOTSUP)
                    .because("it was started below that filter, or its first process has loaded it: attach can't load it too")
                    .hint(kHint));
  }
  return {};
}

// The container's filter, from its policy file as that is now. Its listener goes to the monitor, which has the container's.
Status choose_filter(plan::AttachSpec& spec, AttachLaunch& launch, const AttachRequest& request, const AttachTarget& target,
                     const CommandClient& monitor) {
  if (request.elevated.lsm || !target.filtered) return {};
  spec.seccomp = TRY(filter_of(target.seccomp_profile));
  launch.take_listener = [&monitor](const Fd& listener) {
    return with_context(monitor.add_seccomp_listener(listener.get()), "handing the seccomp listener to the monitor");
  };
  return {};
}

std::string working_directory(const AttachRequest& request) {
  if (request.cwd) return *request.cwd;
  return sys::read_link("/proc/thread-self/cwd").value_or("/");
}

void choose_ids(plan::AttachSpec& spec, const AttachRequest& request) {
  const bool may = (spec.namespaces & CLONE_NEWUSER) != 0 || sys::raw::call(SYS_geteuid) == 0;
  spec.uid = request.uid || !may ? request.uid : 0;
  spec.gid = request.gid || !may ? request.gid : 0;
  spec.groups = request.groups;
}

void choose_restrictions(plan::AttachSpec& spec, const AttachRequest& request, const AttachTarget& target) {
  constexpr long kAsk = 0xffffffff;
  const auto own = static_cast<std::uint64_t>(sys::raw::call(SYS_personality, kAsk));
  const std::uint64_t wanted = request.personality.value_or(target.personality);
  if (wanted != own && !request.keep_personality) spec.personality = wanted;
  spec.no_new_privileges = target.no_new_privileges || request.no_new_privileges;
  if (!request.elevated.capabilities) spec.capabilities = target.status.bounding;
}

// Where the unified group can't be given at birth, the helper writes itself into it like into the others. The group that was made
// for it; empty = none.
std::string choose_groups(plan::AttachSpec& spec, AttachLaunch& launch, const AttachRequest& request,
                          const AttachTarget& target) {
  if (request.elevated.cgroup) return {};
  spec.tasks = target.v1_tasks;
  if (target.unified_group.empty()) return {};
  if (spec.executes && sys::has(sys::Feature::kCloneIntoCgroup)) {
    launch.unified_group = target.unified_group;
    return {};
  }
  const std::string leaf = target.unified_group + "/.lxc";
  const Status made = sys::make_directory(leaf, 0755);
  const bool present = made || made.error().code() == EEXIST;
  spec.tasks.push_back((present ? leaf : target.unified_group) + "/cgroup.procs");
  return made ? leaf : std::string();
}

plan::AttachSpec make_spec(const AttachRequest& request, const AttachTarget& target, const AttachedCall* call) {
  plan::AttachSpec spec;
  spec.executes = call == nullptr;
  spec.command = request.command;
  spec.program = request.program;
  const AttachEnvironment& wanted = request.environment;
  spec.environment = plan::attach_environment(own_environment(), {wanted.clear, wanted.keep, target.environment, wanted.set});
  spec.namespaces = target.namespaces & request.namespaces.value_or(target.namespaces);
  spec.by_pidfd = sys::has(sys::Feature::kPidfdSetns);
  spec.limits = target.limits;
  if (target.core_cookie != 0) spec.core_cookie_of = target.init.pid();
  spec.remount_sys_proc = request.remount_sys_proc;
  const bool enters_mounts = (spec.namespaces & CLONE_NEWNS) != 0;
  if (enters_mounts || request.cwd) spec.cwd = working_directory(request);
  choose_ids(spec, request);
  choose_restrictions(spec, request, target);
  spec.terminal = wants_terminal(request) ? plan::AttachTerminal::kContainer : plan::AttachTerminal::kNone;
  return spec;
}

// Slot 0: the pidfd. Behind it, for kernels whose setns takes no pidfd, one descriptor a namespace.
Result<std::vector<Fd>> open_namespaces(const plan::AttachSpec& spec, const AttachTarget& target) {
  std::vector<Fd> result;
  if (spec.by_pidfd) return result;
  for (const os::Namespace& row : os::namespaces()) {
    if ((spec.namespaces & row.flag) != 0) result.push_back(TRY(os::open_namespace(target.init.pid(), row)));
  }
  TRY_CONTEXT(target.init.signal(0), "the container stopped meanwhile");
  return result;
}

Error explain_failure(const plan::Plan& plan, const child::Failure& failure) {
  Error error = Error::from_errno(failure.error, failure.call, failure.object);
  if (failure.step >= plan.steps.size()) return error;
  const plan::PlannedStep& step = plan.steps[failure.step];
  if (step.op == child::Op::kExecCommand) {
    error = std::move(error).context("executing the command");
    if (failure.error == ENOENT) {
      return std::move(error).because("there is no such program in the container, or its interpreter is missing");
    }
    if (failure.error == EACCES) return std::move(error).because("the file is not executable, or lies on a mount with noexec");
    return error;
  }
  return std::move(error).context(step.doing);
}

bool failed_at(const plan::Plan& plan, const AttachedCommand& command, child::Op op) {
  return command.failure && command.failure->step < plan.steps.size() && plan.steps[command.failure->step].op == op;
}

struct Launched {
  plan::Plan plan;
  AttachedCommand command;
};

// What enters: a command by berth-attach, or the caller's own code. Not owned.
struct Entrant {
  Result<AttachedCommand> (*launch_call)(const AttachLaunch&, const std::vector<std::string>&, const AttachedCall&) = nullptr;
  const AttachedCall* call = nullptr;
};

Result<Launched> launch(const plan::AttachSpec& spec, AttachLaunch& request, const Entrant& entrant) {
  Launched result{plan::plan_attach(spec), {}};
  request.plan = plan::encode(result.plan);
  result.command = entrant.call == nullptr ? TRY(launch_attached(request))
                                           : TRY(entrant.launch_call(request, spec.environment, *entrant.call));
  if (result.command.failure && !failed_at(result.plan, result.command, child::Op::kExecCommand) &&
      result.command.process.valid()) {
    TRY(result.command.process.reap());
  }
  return result;
}

// A container without a usable devpts gets a terminal of the host: still not the caller's own.
Result<Launched> launch_with_terminal(plan::AttachSpec& spec, AttachLaunch& request, const Entrant& entrant) {
  Launched first = TRY(launch(spec, request, entrant));
  if (spec.terminal != plan::AttachTerminal::kContainer || !failed_at(first.plan, first.command, child::Op::kAttachPty))
    return first;
  spec.terminal = plan::AttachTerminal::kHost;
  return launch(spec, request, entrant);
}

// Before anything runs in the container: a command is not left alone there because its log can't be written.
Result<Fd> open_log(const AttachRequest& request) {
  if (request.pty_log.empty() || !wants_terminal(request)) return Fd();
  return TRY_CONTEXT(sys::open(request.pty_log, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, kLogMode),
                     "opening the terminal's log");
}

Status show_terminal(const AttachRequest& request, const AttachedCommand& command, const Fd& log) {
  return proxy_terminal({stdio_of(request), command.ptmx.get(), log ? log.get() : request.pty_log_fd}, command.process);
}

// A process that entered, and the log that its terminal wants.
struct Entered {
  AttachedCommand command;
  std::optional<Error> failure;  // of the exec
  Fd log;
};

// A process whose filter asks nobody would wait for ever.
Status check_listener(AttachedCommand& command) {
  if (command.listener) return {};
  if (command.process.signal(SIGKILL)) TRY(command.process.reap());
  return fail(std::move(command.listener.error()));
}

Result<Entered> enter_target(const AttachRequest& request, const AttachTarget& target, const CommandClient& monitor,
                             const Entrant& entrant) {
  TRY(check_confinement(request, target));
  Entered result;
  result.log = TRY(open_log(request));
  AttachLaunch wanted;
  wanted.stdio = stdio_of(request);
  plan::AttachSpec spec = make_spec(request, target, entrant.call);
  TRY(choose_filter(spec, wanted, request, target, monitor));
  const std::vector<Fd> namespaces = TRY(open_namespaces(spec, target));
  const std::string made = choose_groups(spec, wanted, request, target);
  Defer remove_made([&made] {
    if (!made.empty()) [[maybe_unused]]
      const Status removed = sys::remove_directory(made);
  });
  wanted.slots.push_back(target.init.pidfd());
  for (const Fd& fd : namespaces) wanted.slots.push_back(fd.get());
  Launched launched = TRY(launch_with_terminal(spec, wanted, entrant));
  result.command = std::move(launched.command);
  TRY(check_listener(result.command));
  if (!result.command.failure) {
    remove_made.dismiss();
    return result;
  }
  Error failure = explain_failure(launched.plan, *result.command.failure);
  if (!failed_at(launched.plan, result.command, child::Op::kExecCommand)) return fail(std::move(failure));
  result.failure = std::move(failure);
  return result;
}

Result<Entered> enter(const Container& container, const AttachRequest& request, const Entrant& entrant = {}) {
  TRY(check_request(request));
  const auto target = learn_target(container, request);
  if (!target) return fail(Error(target.error()).context("cannot attach"));
  return with_context(enter_target(request, *target, container.client(), entrant), "cannot attach");
}

Result<AttachedProcess> leave_running(const AttachRequest& request, Entered entered) {
  AttachedCommand& command = entered.command;
  if (command.ptmx && !entered.failure) TRY_CONTEXT(show_terminal(request, command, entered.log), "cannot attach");
  const pid_t pid = command.process.pid();
  return AttachedProcess{pid, std::move(entered.failure), std::move(command.process)};
}

// The words of a list with '|' between them.
std::vector<std::string_view> alternatives(std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view word : strings::split(text, '|')) words.push_back(strings::trim(word));
  return words;
}

}  // namespace

Result<AttachOutcome> attach(const Container& container, const AttachRequest& request) {
  Entered entered = TRY(enter(container, request));
  AttachedCommand& command = entered.command;
  if (!entered.failure) {
    TRY_CONTEXT(command.ptmx ? show_terminal(request, command, entered.log) : await_command(command.process), "cannot attach");
  }
  command.ptmx.reset();
  AttachOutcome outcome;
  outcome.status = TRY_CONTEXT(command.process.reap(), "cannot attach");
  outcome.failure = std::move(entered.failure);
  return outcome;
}

Result<AttachedProcess> attach_in_background(const Container& container, const AttachRequest& request) {
  return leave_running(request, TRY(enter(container, request)));
}

Result<AttachedProcess> attach_call(const Container& container, const AttachRequest& request, const AttachedCall& call) {
  return leave_running(request, TRY(enter(container, request, {launch_call, &call})));
}

int exit_code(int wait_status) { return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status); }

Result<Elevation> parse_elevation(std::string_view text) {
  Elevation result;
  for (const std::string_view word : alternatives(text)) {
    if (word == "CGROUP")
      result.cgroup = true;
    else if (word == "CAP")
      result.capabilities = true;
    else if (word == "LSM")
      result.lsm = true;
    else
      return fail(Error::message(strings::cat("'", word, "' is no privilege that can be kept"))
                      .hint("CGROUP, CAP and LSM are, joined by '|'"));
  }
  return result;
}

Result<int> parse_namespaces(std::string_view text) {
  struct Word {
    std::string_view name;
    int flag;
  };
  static constexpr auto kWords = std::to_array<Word>(
      {Word{"MOUNT", CLONE_NEWNS}, Word{"PID", CLONE_NEWPID}, Word{"UTSNAME", CLONE_NEWUTS}, Word{"IPC", CLONE_NEWIPC},
       Word{"USER", CLONE_NEWUSER}, Word{"NETWORK", CLONE_NEWNET}, Word{"CGROUP", CLONE_NEWCGROUP}, Word{"TIME", CLONE_NEWTIME}});
  int flags = 0;
  for (const std::string_view name : alternatives(text)) {
    const auto* found = std::find_if(kWords.begin(), kWords.end(), [&](const Word& word) { return word.name == name; });
    if (found == kWords.end()) {
      return fail(Error::message(strings::cat("'", name, "' is no namespace"))
                      .hint("MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP and TIME are, joined by '|'"));
    }
    flags |= found->flag;
  }
  return flags;
}

}  // namespace berth::runtime
