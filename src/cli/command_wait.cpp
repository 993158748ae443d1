// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/report.hpp"

namespace berth::cli {
namespace {

struct WaitOptions : Common {
  std::string states;
  int timeout = -1;
};

constexpr Option kOptions[] = {
    {"state", 's', Takes::kValue, "STATE",
     "ORed states to wait for\nSTOPPED, STARTING, RUNNING, STOPPING,\nABORTING, FREEZING, FROZEN, THAWED",
     set_text<&WaitOptions::states>},
    {"timeout", 't', Takes::kValue, "TMO", "Seconds to wait for state changes (-1: no end)", set_number<&WaitOptions::timeout>},
};

Result<std::vector<runtime::State>> parse_states(std::string_view text) {
  std::vector<runtime::State> states;
  for (const std::string_view word : strings::split_words(text, "|")) {
    const auto state = runtime::parse_state(word);
    if (!state) {
      return fail(Error::message(strings::cat("'", word, "' is not a state"))
                      .hint("STOPPED, STARTING, RUNNING, STOPPING, ABORTING, FREEZING, FROZEN or THAWED, joined by '|'"));
    }
    states.push_back(*state);
  }
  if (states.empty()) return fail(Error::message("no state to wait for").hint("give one with -s, for example -s RUNNING"));
  return states;
}

Result<int> wait(WaitOptions& options) {
  const auto states = TRY(parse_states(options.states));
  TRY(refuse_more_arguments(options));
  const auto container = TRY(open_container(options));
  return TRY(container.wait(states, options.timeout)) ? 0 : kExitFailure;
}

}  // namespace

int run_wait(int argc, char** argv) { return run_command<WaitOptions>(kWait, argc, argv, wait); }

const Command kWait = {"wait",
                       "--name=NAME --state=STATE",
                       "wait until a container reaches a state",
                       "wait until the container NAME reaches STATE",
                       kOptions,
                       run_wait};

}  // namespace berth::cli
