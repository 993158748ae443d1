// Makes the container's first process and holds what belongs to it.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "child/blob.hpp"
#include "runtime/host_steps.hpp"

namespace berth::monitor {

struct InitProcess {
  pid_t pid = -1;
  Fd pidfd;
  Fd channel;  // SOCK_SEQPACKET of child::Message, non-blocking
};

// Carries out a kClone step: enters the shared namespaces, clones, comes back. `stop_at`: see child::Context.
Result<InitProcess> clone_init(const child::BlobView& blob, const child::Step& step, const runtime::HostContext& context,
                               std::int64_t stop_at);

}  // namespace berth::monitor
