// What a running container uses and which addresses it has, seen from the host.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/stats.hpp"
#include "os/netlink.hpp"
#include "runtime/command_client.hpp"
#include "runtime/network_scout.hpp"

namespace berth::runtime {

// From the container's limit groups on `host`; the monitor is asked once for each hierarchy that counts something of `kind`.
enum class StatsKind { kAll, kMemory };
Result<cgroup::Stats> read_stats(const CommandClient& client, const cgroup::Host& host, StatsKind kind = StatsKind::kAll);

// The calling thread's network namespace.
Result<Fd> own_network();

// Looks into the network namespaces of processes, by sockets that another process opens there: no thread of the caller leaves
// its namespace. An ordinary user's goes through the container's user namespace. Error: neither is allowed.
class NetworkVisitor {
 public:
  static Result<NetworkVisitor> create();
  [[nodiscard]] Result<os::Netlink> socket_in(pid_t init) const;
  [[nodiscard]] Result<std::vector<os::Link>> links_of(pid_t init) const;
  // Those with addresses, without the loopback: cheaper.
  [[nodiscard]] Result<std::vector<os::Link>> addressed_links_of(pid_t init) const;

 private:
  explicit NetworkVisitor(NetworkScout scout) : scout_(std::move(scout)) {}
  [[nodiscard]] Result<os::Netlink> socket_as_owner(pid_t init) const;

  NetworkScout scout_;
};

// Addresses as LXC shows them: none of loopbacks, IPv6 of global scope only.
std::vector<std::string> shown_addresses(const std::vector<os::Link>& links, int family);

}  // namespace berth::runtime
