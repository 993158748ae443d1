// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "cli/show_plan.hpp"
#include "cli/start_options.hpp"
#include "runtime/attach.hpp"

namespace berth::cli {
namespace {

struct StartOptions : LaunchOptions {
  bool foreground = false, close_all_fds = false;
  std::string pid_file, console, console_log;
  std::optional<std::string> plan;  // form
};

Status set_plan(Common& options, std::string_view value) {
  if (!value.empty() && value != "text" && value != "json") return fail(strings::cat("'", value, "' is neither text nor json"));
  static_cast<StartOptions&>(options).plan = value.empty() ? "text" : std::string(value);
  return {};
}

constexpr Option kOptions[] = {
    {"daemon", 'd', Takes::kNothing, "", "Daemonize the container (default)", clear_flag<&StartOptions::foreground>},
    {"foreground", 'F', Takes::kNothing, "", "Start with the current tty attached to /dev/console",
     set_flag<&StartOptions::foreground>},
    {"pidfile", 'p', Takes::kValue, "FILE", "Create a file with the process id", set_text<&StartOptions::pid_file>},
    {"rcfile", 'f', Takes::kValue, "FILE", "Load configuration file FILE", set_text<&Common::rcfile>},
    {"console", 'c', Takes::kValue, "FILE", "Use specified FILE for the container console", set_text<&StartOptions::console>},
    {"console-log", 'L', Takes::kValue, "FILE", "Log container console output to FILE", set_text<&StartOptions::console_log>},
    {"close-all-fds", 'C', Takes::kNothing, "", "If any fds are inherited, close them\n(berth's monitor never inherits any)",
     set_flag<&StartOptions::close_all_fds>},
    {"define", 's', Takes::kValue, "KEY=VAL", "Assign VAL to configuration variable KEY", add_pair<&LaunchOptions::defines>},
    kShareNet,
    kShareIpc,
    kShareUts,
    kSharePid,
    {"plan", 0, Takes::kOptionalValue, "FORM", "Show the steps of the start as text or json, and do nothing", set_plan},
};

Result<int> start(StartOptions& options) {
  const auto container = TRY(open_container(options));
  runtime::StartRequest request = launch_request(options);
  request.foreground = options.foreground;
  request.close_all_fds = options.close_all_fds || !options.foreground;
  request.pid_file = absolute_path(options.pid_file);
  request.console_path = absolute_path(options.console);
  request.console_log = absolute_path(options.console_log);
  if (options.rcfile.empty() && request.command.empty() && !container.defined()) return fail(no_such_container(container));
  if (options.plan) return show_plan(container, request, *options.plan);
  const auto outcome = TRY(container.start(request));
  for (const std::string& warning : outcome.warnings) notice(options, warning);
  if (outcome.already_running) {
    notice(options, "Container is already running");
    return 0;
  }
  return options.foreground ? runtime::exit_code(outcome.exit_status) : 0;
}

}  // namespace

int run_start(int argc, char** argv) { return run_command<StartOptions>(kStart, argc, argv, start); }

const Command kStart = {"start",
                        "--name=NAME -- COMMAND",
                        "run a container, or COMMAND in place of its init",
                        "start the container NAME; COMMAND takes the place of its init",
                        kOptions,
                        run_start};

}  // namespace berth::cli
