// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "runtime/destroy.hpp"

namespace berth::cli {
namespace {

struct DestroyOptions : Common {
  bool force = false, snapshots = false;
};

constexpr Option kOptions[] = {
    {"snapshots", 's', Takes::kNothing, "", "destroy including all snapshots", set_flag<&DestroyOptions::snapshots>},
    {"force", 'f', Takes::kNothing, "", "stop and destroy the container if it's still running", set_flag<&DestroyOptions::force>},
};

Result<int> destroy(DestroyOptions& options) {
  TRY(refuse_more_arguments(options));
  const auto container = TRY(open_container(options));
  TRY(runtime::destroy(container, {.force = options.force, .snapshots = options.snapshots}));
  return 0;
}

}  // namespace

int run_destroy(int argc, char** argv) { return run_command<DestroyOptions>(kDestroy, argc, argv, destroy); }

const Command kDestroy = {"destroy",
                          "--name=NAME [-f] [-P lxcpath]",
                          "remove a container and its root file system",
                          "destroy the container NAME with all that belongs to it",
                          kOptions,
                          run_destroy};

}  // namespace berth::cli
