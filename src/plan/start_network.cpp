// Runs in: the starting command.
// The types that exist so far need no device: `none` shares the host's network, `empty` is a namespace with a loopback interface.
// Devices join here: decide_network turns a section into a NetworkDevice of src/network, which adds its steps to the plan.
#include <sched.h>

#include <cerrno>

#include "base/strings.hpp"
#include "plan/builder.hpp"

namespace berth::plan {

Status decide_network(Builder& builder) {
  for (const config::NetworkConf& network : builder.conf().networks) {
    if (network.type == "empty") {
      builder.raise_loopback = true;
      continue;
    }
    if (network.type == "none") {
      if (builder.conf().networks.size() == 1) continue;
      return fail(Error::message("network type none shares the host's network and goes with no other network")
                      .set_by(network.origin)
                      .hint("keep this section alone, or remove it"));
    }
    return fail(Error::message(strings::cat("network type ", network.type, " is not supported yet"), ENOTSUP)
                    .set_by(network.origin)
                    .hint(strings::cat("set lxc.net.", network.index, ".type = empty (or none)")));
  }
  return {};
}

void plan_network_entry(Builder& builder) {
  if (!builder.raise_loopback || (builder.cloned & CLONE_NEWNET) == 0) return;
  builder.inside(child::Op::kRaiseLoopback, "raising the loopback interface");
}

}  // namespace berth::plan
