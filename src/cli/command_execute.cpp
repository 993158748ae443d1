// Runs in: host commands.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "cli/start_options.hpp"
#include "runtime/attach.hpp"
#include "sys/process.hpp"

namespace berth::cli {
namespace {

struct ExecuteOptions : LaunchOptions {
  bool daemon = false;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
};

constexpr Option kOptions[] = {
    {"daemon", 'd', Takes::kNothing, "", "Daemonize the container", set_flag<&ExecuteOptions::daemon>},
    {"rcfile", 'f', Takes::kValue, "FILE", "Load configuration file FILE", set_text<&Common::rcfile>},
    {"define", 's', Takes::kValue, "KEY=VAL", "Assign VAL to configuration variable KEY", add_pair<&LaunchOptions::defines>},
    {"uid", 'u', Takes::kValue, "UID", "Execute COMMAND with UID inside the container", set_number<&ExecuteOptions::uid>},
    {"gid", 'g', Takes::kValue, "GID", "Execute COMMAND with GID inside the container", set_number<&ExecuteOptions::gid>},
    kShareNet,
    kShareIpc,
    kShareUts,
    kSharePid,
};

// Ends as the command did: with its code, or by its signal.
int end_like(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return WEXITSTATUS(wait_status);
  const int number = WTERMSIG(wait_status);
  [[maybe_unused]] const Status written = end_output();  // nothing else does when the signal ends this process
  sys::reset_signal(number);
  const auto sent = sys::kill(sys::current_pid(), number);
  return sent ? runtime::exit_code(wait_status) : kExitFailure;
}

Result<int> execute(ExecuteOptions& options) {
  const auto container = TRY(open_container(options));
  if (options.uid) options.defines.emplace_back("lxc.init.uid", std::to_string(*options.uid));
  if (options.gid) options.defines.emplace_back("lxc.init.gid", std::to_string(*options.gid));
  runtime::StartRequest request = launch_request(options);
  request.with_init = true;
  request.foreground = !options.daemon;
  const auto outcome = TRY(container.start(request));
  for (const std::string& warning : outcome.warnings) notice(options, warning);
  if (outcome.already_running) {
    return fail(Error::message("Container is already running").hint("lxc-attach runs a command in a running container"));
  }
  return options.daemon ? 0 : end_like(outcome.exit_status);
}

}  // namespace

int run_execute(int argc, char** argv) { return run_command<ExecuteOptions>(kExecute, argc, argv, execute); }

const Command kExecute = {"execute",
                          "--name=NAME -- COMMAND",
                          "run one command in a container of its own",
                          "start the container NAME with a small init that runs COMMAND, and end as COMMAND does",
                          kOptions,
                          run_execute};

}  // namespace berth::cli
