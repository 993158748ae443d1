// Runs in: host commands.
#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "runtime/destroy.hpp"

namespace berth::cli {
namespace {

struct DestroyOptions : Common {
  bool force = false, snapshots = false, clones = false;
};

constexpr Option kOptions[] = {
    {"snapshots", 's', Takes::kNothing, "", "destroy including all snapshots", set_flag<&DestroyOptions::snapshots>},
    {"clones", 0, Takes::kNothing, "", "destroy the clones that need its storage, too", set_flag<&DestroyOptions::clones>},
    {"force", 'f', Takes::kNothing, "", "stop and destroy the container if it's still running", set_flag<&DestroyOptions::force>},
};

void tell(const runtime::Container& clone) { print(strings::cat("destroyed ", clone.directory(), "\n")); }

Result<int> destroy(DestroyOptions& options) {
  TRY(refuse_more_arguments(options));
  const auto container = TRY(open_container(options));
  TRY(runtime::destroy(container,
                       {.force = options.force, .snapshots = options.snapshots, .clones = options.clones, .clone_gone = tell}));
  return 0;
}

}  // namespace

int run_destroy(int argc, char** argv) { return run_command<DestroyOptions>(kDestroy, argc, argv, destroy); }

const Command kDestroy = {"destroy",
                          "--name=NAME [-f] [-s] [--clones] [-P lxcpath]",
                          "remove a container and its root file system",
                          "destroy the container NAME with all that belongs to it",
                          kOptions,
                          run_destroy};

}  // namespace berth::cli
