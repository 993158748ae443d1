// lxc.net.N.limit.ingress and .egress: what a pair carries at most, kept by the host's end of it.
#pragma once

#include "network/device.hpp"

namespace berth::network {

// After the pair has been planned. To the container: a token bucket on the host's end. From it: what arrives there is led through
// an interface of the kind ifb with a bucket of its own, which the container's root can't reach. `mtu` in bytes.
Status add_limits(const Section& section, const std::string& host_end, std::uint32_t mtu, Recipe& recipe);

}  // namespace berth::network
