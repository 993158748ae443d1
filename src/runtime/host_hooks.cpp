// Runs in: the starting command (kCaller) and the monitor.
#include <signal.h>
#include <sys/wait.h>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "os/command.hpp"
#include "runtime/host_program.hpp"
#include "runtime/host_steps.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kCategory = "hook";
constexpr std::size_t kOutputKept = 2047;
constexpr std::size_t kLongestLine = 1024;

// Hooks are run as `sh -c "exec COMMAND"`: more arguments go behind the command, not behind -c's operand.
void add_argument(std::vector<std::string>& arguments, const std::string& argument) {
  if (arguments.size() == 3 && arguments[1] == "-c") {
    arguments[2] += ' ' + argument;
  } else {
    arguments.push_back(argument);
  }
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return result;
}

// A stop hook gets the namespaces as descriptors of this process: by arguments (version 0), by environment (version 1).
void add_namespaces(HookCommand& command, const HostContext& context, bool by_environment) {
  const auto& names = namespace_names();
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (!context.namespaces[i]) continue;
    const std::string path = strings::cat("/proc/", sys::current_pid(), "/fd/", context.namespaces[i].get());
    if (by_environment) {
      command.environment.push_back(strings::cat("LXC_", upper(names[i]), "_NS=", path));
    } else if (std::string_view(names[i]) != "time") {
      add_argument(command.arguments, strings::cat(names[i], ':', path));
    }
  }
}

constexpr std::string_view kNetworkDown = "net down";

bool leads_session() { return sys::raw::call(SYS_getsid, 0) == sys::raw::call(SYS_getpid); }

}  // namespace

bool wants_namespaces(const child::BlobView& blob, const child::Step& step) {
  const std::string_view type = blob.has(step.text[1]) ? blob.text(step.text[1]) : "";
  return type == "stop" || type == kNetworkDown;
}

HookCommand hook_command(const child::BlobView& blob, const child::Step& step, const HostContext& context) {
  HookCommand command;
  const child::StringList arguments = blob.list(step.list[0]);
  const child::StringList environment = blob.list(step.list[1]);
  for (std::uint32_t i = 0; i < arguments.size(); ++i) command.arguments.emplace_back(arguments[i]);
  for (std::uint32_t i = 0; i < environment.size(); ++i) command.environment.emplace_back(environment[i]);
  if (context.init_pid > 0) command.environment.push_back(strings::cat("LXC_PID=", context.init_pid));
  const std::string_view type = blob.text(step.text[1]);
  if (context.target != nullptr && type != kNetworkDown)
    command.environment.push_back(strings::cat("LXC_TARGET=", context.target));
  // A script of networks has them in its environment in both versions, as LXC's has.
  if (wants_namespaces(blob, step)) add_namespaces(command, context, step.num[0] == 1 || type == kNetworkDown);
  command.shown = blob.has(step.text[0]) ? blob.text(step.text[0]) : command.arguments.empty() ? "" : command.arguments.back();
  return command;
}

Result<RunningProgram> RunningProgram::start(const std::vector<std::string>& arguments,
                                             const std::vector<std::string>& environment) {
  if (arguments.empty()) return fail(Error::from_errno(EINVAL, "hook", "no program"));
  int ends[2] = {-1, -1};
  const long made = sys::raw::call(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK);
  if (made < 0) return fail(Error::from_errno(static_cast<int>(-made), "pipe2", "output of a hook"));
  RunningProgram program;
  program.output_ = Fd(ends[0]);
  const Fd output(ends[1]);
  // The program must not see a non-blocking output.
  (void)sys::raw::call(SYS_fcntl, output.get(), F_SETFL, 0);
  const Fd null = TRY(sys::open("/dev/null", O_RDONLY | O_CLOEXEC));
  sys::Spawn spawn;
  spawn.arguments = arguments;
  spawn.program_path = os::find_program(arguments[0]).value_or(arguments[0]);  // newuidmap and the like have no directory
  spawn.environment = environment;
  spawn.descriptors = {{null.get(), 0}, {output.get(), 1}, {output.get(), 2}};
  // Of a daemonized monitor: what the program starts and does not wait for can be killed with it. In the foreground it stays in
  // the caller's session, so that it can ask at the terminal.
  spawn.new_session = program.leads_session_ = leads_session();
  sys::Cloned started = TRY(sys::spawn(std::move(spawn)));
  program.pid_ = started.pid;
  program.pidfd_ = std::move(started.pidfd);
  program.name_ = arguments.back();
  return program;
}

void RunningProgram::log_lines(std::string_view text) {
  if (!log::enabled(log::Level::kDebug)) return;
  for (const char c : text) {
    if (c != '\n') line_.push_back(c);
    if (c != '\n' && line_.size() < kLongestLine) continue;
    log::debug(kCategory, strings::cat(name_, " produced output: ", line_));
    line_.clear();
  }
}

bool RunningProgram::read_output() {
  char buffer[1024];
  for (;;) {
    const long count = sys::raw::call(SYS_read, output_.get(), buffer, sizeof buffer);
    if (count == -EAGAIN || count == -EINTR) return true;
    if (count <= 0) return false;
    const std::string_view text(buffer, static_cast<std::size_t>(count));
    log_lines(text);
    kept_ += text;
    if (kept_.size() > kOutputKept) kept_.erase(0, kept_.size() - kOutputKept);
  }
}

Result<int> RunningProgram::reap() {
  const int status = TRY(sys::wait_pidfd(pidfd_.get()));
  read_output();
  return status;
}

void RunningProgram::kill() {
  // Fails only when it has ended already, which is what is wanted.
  [[maybe_unused]] const Status ignored =
      leads_session_ ? sys::send_signal_to_group(pidfd_.get(), pid_, SIGKILL) : sys::send_signal(pidfd_.get(), SIGKILL);
}

Status hook_outcome(const HookCommand& command, RunningProgram& hook, int status) {
  if (status == 0) return {};
  return fail(
      Error::from_errno(ECHILD, "hook", strings::cat(command.shown, ' ', describe_wait_status(status))).output(hook.output()));
}

}  // namespace berth::runtime
