// What a running container uses and which addresses it has, seen from the host.
#pragma once

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/stats.hpp"
#include "os/netlink.hpp"
#include "runtime/command_client.hpp"
#include "runtime/network_scout.hpp"

namespace berth::runtime {

// From the container's limit groups on `host`; the monitor is asked once for each hierarchy that counts something of `kind`
// (kLoad: for read_load).
enum class StatsKind { kAll, kMemory, kLoad };
// Where they are counted, for who reads them more than once: the limit groups stay what they are as long as the container runs.
cgroup::StatsDirectories stats_directories(const CommandClient& client, const cgroup::Host& host, StatsKind kind);
Result<cgroup::Stats> read_stats(const CommandClient& client, const cgroup::Host& host, StatsKind kind = StatsKind::kAll);

// The calling thread's network namespace.
Result<Fd> own_network();

// Looks into the network namespaces of processes, by sockets that are opened there. An ordinary user's way leads through the
// container's user namespace. Error: neither is allowed.
class NetworkVisitor {
 public:
  // kScout: another process goes, no thread of the caller leaves its namespace. kSelf: the calling thread goes and comes back,
  // for programs that have only this one; a third faster.
  enum class Who { kScout, kSelf };
  static Result<NetworkVisitor> create(Who who = Who::kScout);
  [[nodiscard]] Result<os::Netlink> socket_in(pid_t init) const;
  [[nodiscard]] Result<std::vector<os::Link>> links_of(pid_t init) const;
  // Without their addresses.
  [[nodiscard]] Result<std::vector<os::Link>> counted_links_of(pid_t init) const;
  // Those with addresses, without the loopback: cheaper.
  [[nodiscard]] Result<std::vector<os::Link>> addressed_links_of(pid_t init) const;

 private:
  explicit NetworkVisitor(Fd home, std::optional<NetworkScout> scout) : home_(std::move(home)), scout_(std::move(scout)) {}
  [[nodiscard]] Result<Fd> route_socket_at(const Fd& there) const;
  [[nodiscard]] Result<os::Netlink> socket_as_owner(pid_t init) const;

  Fd home_;
  std::optional<NetworkScout> scout_;
};

// Addresses as LXC shows them: none of loopbacks, IPv6 of global scope only.
std::vector<std::string> shown_addresses(const std::vector<os::Link>& links, int family);

}  // namespace berth::runtime
