// Interfaces of the host that a container had come back, whatever became of them there; and what stood on others goes.
#pragma once

#include "base/result.hpp"
#include "child/blob.hpp"
#include "runtime/host_steps.hpp"

namespace berth::runtime {

// kBringHome. Told by its index; a card that has another one now is the only card that is there. Alternative names that the
// container added are removed: one that the host has would keep it away. ENODEV: it is not there.
Status bring_home(const child::BlobView& blob, const child::Step& step, HostContext& context);

// kClearNetwork.
Status clear_network(const child::Step& step, const HostContext& context);

}  // namespace berth::runtime
