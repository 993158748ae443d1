// One run of berth-attach: starts it, takes what it reports, and hands over the command's process.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "child/step.hpp"
#include "os/pid_ref.hpp"
#include "plan/plan.hpp"

namespace berth::runtime {

struct AttachLaunch {
  std::string plan;                         // encoded
  std::array<int, 3> stdio = {0, 1, 2};     // -1 = /dev/null
  std::vector<int> slots;                   // descriptors for the slots from 0 on
  std::function<Status(Fd)> take_listener;  // of the command's seccomp filter, while its process waits at that
  std::string unified_group;                // absolute directory; empty = the helper stays in the caller's
};

struct AttachedCommand {
  os::PidRef process;                     // a child of the caller; invalid when the helper failed before it existed
  Fd ptmx;                                // of its terminal, when it has one
  Status listener;                        // what take_listener said
  std::optional<child::Failure> failure;  // it was not executed; texts are printable
};

// Returns once the command is executed or has failed. Errors: failures of the host's side.
Result<AttachedCommand> launch_attached(const AttachLaunch& launch);

}  // namespace berth::runtime
