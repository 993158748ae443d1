// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/report.hpp"

namespace berth::cli {
namespace {

constexpr int kExitNotRunning = 2;
constexpr int kDefaultTimeout = 60;

struct StopOptions : Common {
  bool reboot = false, nowait = false, kill = false, nokill = false, nolock = false;
  std::optional<int> timeout;
};

constexpr Option kOptions[] = {
    {"reboot", 'r', Takes::kNothing, "", "reboot the container", set_flag<&StopOptions::reboot>},
    {"nowait", 'W', Takes::kNothing, "", "don't wait for shutdown or reboot to complete", set_flag<&StopOptions::nowait>},
    {"timeout", 't', Takes::kValue, "T", "wait T seconds before hard-stopping (60; -1: no end)",
     set_number<&StopOptions::timeout>},
    {"kill", 'k', Takes::kNothing, "", "kill container rather than request clean shutdown", set_flag<&StopOptions::kill>},
    {"nolock", 0, Takes::kNothing, "", "Avoid using API locks (only with -k)", set_flag<&StopOptions::nolock>},
    {"nokill", 0, Takes::kNothing, "", "Only request clean shutdown, don't force kill after timeout",
     set_flag<&StopOptions::nokill>},
};

Status check(const StopOptions& options) {
  if (options.timeout && *options.timeout < -1) return fail("-t takes a number of seconds, or -1 to wait without end");
  if (options.kill && options.timeout) return fail("-k can't be used with -t: it does not wait for a clean shutdown");
  if (options.kill && options.nokill) return fail("-k can't be used with --nokill");
  if (options.kill && options.reboot) return fail("-k can't be used with -r");
  if (options.nolock && !options.kill) return fail("--nolock may only be used with -k");
  return {};
}

Result<int> shut_down(const StopOptions& options, const runtime::Container& container, int timeout) {
  if (TRY(container.shutdown(timeout))) return 0;
  if (!options.nokill) {
    TRY(container.kill());
    return 0;
  }
  return fail(Error::message(strings::cat("still running after ", timeout, " seconds"), ETIMEDOUT)
                  .hint("give it more time with -t, or kill it: without --nokill, or with -k"));
}

Result<int> stop(StopOptions& options) {
  TRY(check(options));
  TRY(refuse_more_arguments(options));
  const auto container = TRY(open_container(options));
  if (options.kill && TRY(container.kill())) return 0;
  const bool exists = container.defined();
  if (TRY(container.state()) == runtime::State::kStopped && !TRY(container.client().reachable())) {
    report(options, exists ? Error::message("not running") : no_such_container(container));
    return kExitNotRunning;
  }
  const int timeout = options.nowait ? 0 : options.timeout.value_or(kDefaultTimeout);
  if (options.kill) return kExitNotRunning;
  if (!options.reboot) return shut_down(options, container, timeout);
  if (TRY(container.reboot(timeout))) return 0;
  return fail(Error::message(strings::cat("not rebooted after ", timeout, " seconds"), ETIMEDOUT));
}

}  // namespace

int run_stop(int argc, char** argv) { return run_command<StopOptions>(kStop, argc, argv, stop); }

const Command kStop = {"stop",
                       "--name=NAME",
                       "shut a container down, reboot or kill it",
                       "stop the container NAME: a clean shutdown, then a kill when it takes too long",
                       kOptions,
                       run_stop};

}  // namespace berth::cli
