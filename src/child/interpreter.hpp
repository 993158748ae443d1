// Carries out the kContainer steps of a plan. Runs between clone and exec: no heap, no exceptions, no locks, no libc state.
#pragma once

#include "child/blob.hpp"

namespace berth::child {

struct Context {
  int channel = -1;           // SOCK_SEQPACKET to the monitor (Message); closed by exec
  int peer_channel = -1;      // the monitor's end, inherited; closed first
  int slots[kSlots];          // -1 = empty
  int root_fd = -1;           // O_PATH of the container's root once kAttachRoot is done
  int console_peer = -1;      // slave end of the console
  int root_is_host = 1;       // 1 until kAttachRoot: without a root of its own the container shares the host's
  std::int64_t stop_at = -1;  // test builds: SIGSTOP before this step
};

// An empty table of slots.
void initialise(Context& context);

// Runs the steps of kContainer in order. On failure sends Message{kFailed} and exits with status 1; on success does not
// return either: the last step is kExec.
[[noreturn]] void run_container(const BlobView& blob, Context& context) noexcept;

// Carries out one step; 0 or -errno with `failure` filled. For the attach helper and for tests.
int run_step(const BlobView& blob, std::uint32_t index, Context& context, Failure& failure) noexcept;

}  // namespace berth::child
