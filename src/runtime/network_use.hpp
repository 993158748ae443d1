// What went through the networks of a running container, as its configuration names them (lxc.net.N).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/netlink.hpp"
#include "runtime/command_client.hpp"

namespace berth::runtime {

// lxc.net.N of a running container; what is not set is empty.
struct ConfiguredNetwork {
  std::string type, link, name;
  std::string pair;  // the host's end of a veth

  [[nodiscard]] bool is_veth() const { return type == "veth"; }
  // What LXC calls the network in its statistics: the interface of the host that belongs to it. Empty: there is none.
  [[nodiscard]] const std::string& host_name() const { return is_veth() ? pair : link; }
};
// In the order of their numbers, which can have gaps; one exchange of several questions for each.
std::vector<ConfiguredNetwork> configured_networks(const CommandClient& client);

// By the container, bytes.
struct NetworkUse {
  std::string name;
  std::uint64_t sent = 0, received = 0;
};

// Those whose counters are found. A veth is counted at the host's end; the others, which the host has no counters of (its
// interface below a macvlan counts what others send too), at the container's interface. `host` and `inside`: the interfaces of
// either side.
std::vector<NetworkUse> network_use(const std::vector<ConfiguredNetwork>& networks, const std::vector<os::Link>& host,
                                    const std::vector<os::Link>& inside);

}  // namespace berth::runtime
