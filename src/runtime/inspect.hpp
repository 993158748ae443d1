// What a running container uses and which addresses it has, seen from the host.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/stats.hpp"
#include "os/netlink.hpp"
#include "runtime/command_client.hpp"

namespace berth::runtime {

// From the container's limit groups on `host`.
Result<cgroup::Stats> read_stats(const CommandClient& client, const cgroup::Host& host);

// The links of the network namespace that the process `init` is in. The calling thread visits that namespace and comes back;
// an ordinary user's child goes through the container's user namespace instead. Error: neither is allowed.
Result<std::vector<os::Link>> links_of(pid_t init);

// Addresses as LXC shows them: none of loopbacks, IPv6 of global scope only.
std::vector<std::string> shown_addresses(const std::vector<os::Link>& links, int family);

}  // namespace berth::runtime
