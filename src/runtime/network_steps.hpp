// Carries out the steps of a plan that make and unmake the container's networks. In the monitor, as parts of run_host_step.
#pragma once

#include "base/result.hpp"
#include "child/blob.hpp"
#include "runtime/host_steps.hpp"

namespace berth::runtime {

// kOpenNetwork. The calling thread visits the container's network namespace and is back when this returns.
Status open_network(const child::Step& step, HostContext& context);
// kNetlink. An Error carries the kernel's own words as its output, where it has any.
Status send_netlink(const child::BlobView& blob, const child::Step& step, const HostContext& context);

Status no_transmit_checksum(const child::BlobView& blob, const child::Step& step, const HostContext& context);

}  // namespace berth::runtime
