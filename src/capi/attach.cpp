// Runs in: a program that links liblxc.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>

#include "base/strings.hpp"
#include "capi/handle.hpp"
#include "capi/shell.hpp"
#include "runtime/attach.hpp"
#include "sys/process.hpp"

namespace berth::capi {
namespace {

using runtime::AttachRequest;

std::vector<std::string> texts(char* const* list) {
  std::vector<std::string> result;
  for (; list != nullptr && *list != nullptr; ++list) result.emplace_back(*list);
  return result;
}

// --- options -----------------------------------------------------------------------------------------------------------------

constexpr int kKnownFlags = LXC_ATTACH_DEFAULT | LXC_ATTACH_REMOUNT_PROC_SYS | LXC_ATTACH_LSM_NOW | LXC_ATTACH_NO_NEW_PRIVS |
                            LXC_ATTACH_TERMINAL | LXC_ATTACH_LSM_LABEL | LXC_ATTACH_SETGROUPS;

Status take_flags(AttachRequest& request, const lxc_attach_options_t& options) {
  const int flags = options.attach_flags;
  if ((flags & ~kKnownFlags) != 0) return fail(strings::cat("attach knows no flags ", flags & ~kKnownFlags));
  request.elevated.cgroup = (flags & LXC_ATTACH_MOVE_TO_CGROUP) == 0;
  request.elevated.capabilities = (flags & LXC_ATTACH_DROP_CAPABILITIES) == 0;
  request.elevated.lsm = (flags & LXC_ATTACH_LSM) == 0;
  request.keep_personality = (flags & LXC_ATTACH_SET_PERSONALITY) == 0;
  request.remount_sys_proc = (flags & LXC_ATTACH_REMOUNT_PROC_SYS) != 0;
  request.no_new_privileges = (flags & LXC_ATTACH_NO_NEW_PRIVS) != 0;
  request.terminal = (flags & LXC_ATTACH_TERMINAL) != 0;
  if ((flags & LXC_ATTACH_LSM_LABEL) != 0) request.selinux_context = text_of(options.lsm_label);
  if ((flags & LXC_ATTACH_SETGROUPS) != 0 && options.groups.list != nullptr) {
    request.groups.emplace(options.groups.list, options.groups.list + options.groups.size);
  }
  return {};
}

Result<AttachRequest> request_from(const lxc_attach_options_t& options) {
  AttachRequest request;
  TRY(take_flags(request, options));
  if (options.namespaces != -1) request.namespaces = options.namespaces;
  if (options.personality != LXC_ATTACH_DETECT_PERSONALITY) request.personality = static_cast<std::uint64_t>(options.personality);
  if (options.initial_cwd != nullptr) request.cwd = options.initial_cwd;
  if (options.uid != static_cast<uid_t>(-1)) request.uid = options.uid;
  if (options.gid != static_cast<gid_t>(-1)) request.gid = options.gid;
  request.environment.clear = options.env_policy == LXC_ATTACH_CLEAR_ENV;
  request.environment.set = texts(options.extra_env_vars);
  request.environment.keep = texts(options.extra_keep_env);
  request.stdin_fd = options.stdin_fd;
  request.stdout_fd = options.stdout_fd;
  request.stderr_fd = options.stderr_fd;
  request.pty_log_fd = options.log_fd < 0 ? -1 : options.log_fd;
  return request;
}

// --- attach ------------------------------------------------------------------------------------------------------------------

// The two functions of this library are commands: they need no copy of the caller.
bool is_command(lxc_attach_exec_t function) { return function == lxc_attach_run_command || function == lxc_attach_run_shell; }

Status take_command(AttachRequest& request, lxc_attach_exec_t function, void* payload) {
  if (function == lxc_attach_run_shell) return {};
  const auto* command = static_cast<const lxc_attach_command_t*>(payload);
  if (command == nullptr || command->program == nullptr) return fail("no program to run was given");
  request.program = command->program;
  request.command = texts(command->argv);
  if (request.command.empty()) request.command.emplace_back(request.program);
  return {};
}

Result<runtime::AttachedProcess> enter(const runtime::Container& container, AttachRequest& request, lxc_attach_exec_t function,
                                       void* payload) {
  if (function == nullptr) return fail("no function to run in the container was given");
  if (!is_command(function)) return runtime::attach_call(container, request, {function, payload});
  TRY(take_command(request, function, payload));
  return runtime::attach_in_background(container, request);
}

// -1 means those that differ from the caller's, and the caller is told which.
void write_back_namespaces(const runtime::Container& container, lxc_attach_options_t* options) {
  if (options == nullptr || options->namespaces != -1) return;
  if (const auto flags = container.client().clone_flags()) options->namespaces = *flags;
}

Result<runtime::AttachedProcess> attach_to(Handle& handle, lxc_attach_exec_t function, void* payload,
                                           lxc_attach_options_t* options) {
  static const lxc_attach_options_t kDefault = LXC_ATTACH_OPTIONS_DEFAULT;
  const auto container = TRY(handle.container());
  AttachRequest request = TRY(request_from(options != nullptr ? *options : kDefault));
  auto process = TRY(enter(container, request, function, payload));
  write_back_namespaces(container, options);
  if (process.failure) handle.note(*process.failure);
  return process;
}

int attach(lxc_container* c, lxc_attach_exec_t function, void* payload, lxc_attach_options_t* options, pid_t* attached) {
  return guarded_errno(c, -1, [&](Handle& handle) -> Result<int> {
    const auto process = TRY(attach_to(handle, function, payload, options));
    if (attached != nullptr) *attached = process.pid;
    return 0;
  });
}

Result<int> run_and_wait(Handle& handle, lxc_attach_options_t* options, const char* program, const char* const* argv) {
  lxc_attach_command_t command{const_cast<char*>(program), const_cast<char**>(argv)};
  const auto process = TRY(attach_to(handle, lxc_attach_run_command, &command, options));
  return process.process.reap();
}

int attach_run_wait(lxc_container* c, lxc_attach_options_t* options, const char* program, const char* const argv[]) {
  return guarded_errno(c, -1, [&](Handle& handle) -> Result<int> { return run_and_wait(handle, options, program, argv); });
}

int attach_run_waitl(lxc_container* c, lxc_attach_options_t* options, const char* program, const char* arg, ...) {
  std::va_list list;
  va_start(list, arg);
  const int status = guarded_errno(c, -1, [&](Handle& handle) -> Result<int> {
    std::vector<const char*> argv;
    for (const char* word = arg; word != nullptr; word = va_arg(list, const char*)) argv.push_back(word);
    argv.push_back(nullptr);
    return run_and_wait(handle, options, program, argv.data());
  });
  va_end(list);
  return status;
}

}  // namespace

void fill_attach_members(lxc_container& face) {
  face.attach = attach;
  face.attach_run_wait = attach_run_wait;
  face.attach_run_waitl = attach_run_waitl;
}

}  // namespace berth::capi

extern "C" {

// Called by a caller's own function in the container: nothing of berth is between the two any more.
int lxc_attach_run_command(void* payload) {
  constexpr int kNotExecutable = 126, kNotFound = 127;
  const auto* command = static_cast<const lxc_attach_command_t*>(payload);
  if (command == nullptr || command->program == nullptr) return -EINVAL;
  ::execvp(command->program, command->argv);
  return errno == ENOENT ? kNotFound : kNotExecutable;
}

int lxc_attach_run_shell(void*) {
  berth::capi::exec_own_shell();
  return -1;
}
}
