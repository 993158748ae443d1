// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/report.hpp"

namespace berth::cli {
namespace {

Result<int> unfreeze(Common& options) {
  TRY(refuse_more_arguments(options));
  const auto container = TRY(existing_container(options));
  TRY_CONTEXT(container.unfreeze(), "cannot unfreeze");
  return 0;
}

}  // namespace

int run_unfreeze(int argc, char** argv) { return run_command<Common>(kUnfreeze, argc, argv, unfreeze); }

const Command kUnfreeze = {
    "unfreeze", "--name=NAME", "let a frozen container go on", "let the processes of the container NAME go on", {}, run_unfreeze};

}  // namespace berth::cli
