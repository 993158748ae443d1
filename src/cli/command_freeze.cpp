// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/report.hpp"

namespace berth::cli {
namespace {

Result<int> freeze(Common& options) {
  TRY(refuse_more_arguments(options));
  const auto container = TRY(existing_container(options));
  TRY_CONTEXT(container.freeze(), "cannot freeze");
  return 0;
}

}  // namespace

int run_freeze(int argc, char** argv) { return run_command<Common>(kFreeze, argc, argv, freeze); }

const Command kFreeze = {
    "freeze", "--name=NAME", "halt every process of a container", "freeze every process of the container NAME", {}, run_freeze};

}  // namespace berth::cli
