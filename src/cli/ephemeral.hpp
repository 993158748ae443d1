// lxc-copy --ephemeral: a copy that is started, and removed when it stops.
#pragma once

#include <string>
#include <vector>

#include "cli/mount_option.hpp"
#include "cli/option.hpp"
#include "cli/progress.hpp"
#include "runtime/clone.hpp"
#include "runtime/container.hpp"

namespace berth::cli {

struct EphemeralRequest {
  runtime::CloneRequest clone;  // without a name one is made up
  std::vector<CopyMount> mounts;
  bool tmpfs = false;  // what the copy changes is kept in memory
  bool keep = false;   // the copy stays when it stops
  bool foreground = false;
  std::vector<std::string> command;  // run by attaching; then the copy is shut down
  ProgressChoice progress = ProgressChoice::kAuto;
};

// The exit status: the command's, or init's in the foreground, else 0. A copy that can't be started is removed again.
Result<int> run_ephemeral(const Common& options, const runtime::Container& source, const EphemeralRequest& request);

}  // namespace berth::cli
