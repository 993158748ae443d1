// Looks at all running containers again and again, for lxc-top: what each has used so far, and how fast.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "cgroup/stats.hpp"
#include "os/netlink.hpp"
#include "runtime/inspect.hpp"

namespace berth::runtime {

// One container at one moment. Counters run from its start.
struct Usage {
  std::string lxcpath, name;
  pid_t init = 0;
  cgroup::Load load;
  // Its interfaces without the loopback, counted from the container's side. Nothing: the caller may not look, or the container
  // has the host's network.
  std::optional<std::vector<os::Link>> interfaces;
  // When the counters were read, of the monotonic clock: one that does not answer makes the others of a sample wait.
  std::chrono::nanoseconds monotonic{};
};

struct Sample {
  std::chrono::milliseconds wall{};  // since 1970
  std::vector<Usage> usages;         // in the order of the lxcpaths, by name in each
  std::vector<std::string> silent;   // "LXCPATH/NAME": runs, but does not answer this user, or not in time
};

class Sampler {
 public:
  // Error: the host's control groups can't be told.
  static Result<Sampler> create(std::vector<std::string> lxcpaths);

  // One pass: the list of sockets, one question to each monitor (they answer side by side), the files of each container's groups,
  // and a visit to its network. Where a container's groups are is asked once. The calling thread goes into the containers'
  // network namespaces and comes back. Containers that end meanwhile are left out.
  Result<Sample> take();

 private:
  struct Known {
    pid_t init = 0;
    cgroup::StatsDirectories directories;
  };
  using Key = std::pair<std::string, std::string>;  // lxcpath, name

  Sampler(std::vector<std::string> lxcpaths, cgroup::Host host, std::optional<NetworkVisitor> visitor, std::uint64_t network)
      : lxcpaths_(std::move(lxcpaths)), host_(std::move(host)), visitor_(std::move(visitor)), own_network_(network) {}
  Status add_all_of(const std::string& lxcpath, std::map<Key, Known>& seen, Sample& sample);
  std::optional<Usage> usage_of(const CommandClient& client, Key key, pid_t init, std::map<Key, Known>& seen);
  [[nodiscard]] std::optional<std::vector<os::Link>> interfaces_of(pid_t init) const;

  std::vector<std::string> lxcpaths_;
  cgroup::Host host_;
  std::optional<NetworkVisitor> visitor_;
  std::uint64_t own_network_;  // inode
  std::map<Key, Known> known_;
};

}  // namespace berth::runtime
