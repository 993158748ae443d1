// What the monitor and the command that started it tell each other, over the SOCK_SEQPACKET that the monitor inherits as
// kStatusFd. Plain data. The starter says one thing, when its kBeside steps are done (StarterMessage); when its end is shut down
// before that, it has given up. It undoes its kBeside steps itself unless it hears kRunning; the monitor undoes them when the
// starter is gone.
#pragma once

#include <cstdint>

#include "child/step.hpp"

namespace berth::runtime {

// Descriptors that the monitor program finds open when it starts.
inline constexpr int kPlanFd = 3;      // the sealed plan
inline constexpr int kStatusFd = 4;    // this protocol
inline constexpr int kTerminalFd = 5;  // foreground only: the caller's terminal, when it has one
// Program descriptors that kExec steps may name by slot are passed from kFirstProgramFd on and end in the slots from
// kFirstProgramSlot. The last one is the monitor's own program: its detached mount is taken apart when the last holder closes it,
// which takes a millisecond or two, and nobody waits for the end of the monitor's last process.
inline constexpr int kFirstProgramFd = 6;
inline constexpr int kFirstProgramSlot = 24;

enum class StatusKind : std::uint32_t {
  kFailed,          // failure; the start is over, everything is undone; value = 1: the kBeside steps too
  kRunning,         // value = init's pid as the monitor sees it
  kStopped,         // value = wait(2) status of init; sent when everything is torn down
  kAlreadyRunning,  // another monitor owns the command socket
};

struct StatusMessage {
  StatusKind kind = StatusKind::kFailed;
  std::int32_t value = 0;
  child::Failure failure = {};
};

struct StarterMessage {
  std::uint32_t groups_made = 1;
};

}  // namespace berth::runtime
