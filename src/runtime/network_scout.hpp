// A process that goes into one network namespace after another and hands out sockets: no thread of the caller leaves its own.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "os/pid_ref.hpp"

namespace berth::runtime {

class NetworkScout {
 public:
  // It lives as long as the object.
  static Result<NetworkScout> start();
  NetworkScout(NetworkScout&&) noexcept = default;
  NetworkScout& operator=(NetworkScout&&) = delete;
  ~NetworkScout();

  // A NETLINK_ROUTE socket in a network namespace: that of a process for its pidfd (where setns takes one), or an open one.
  // One caller at a time. Error EPERM: not allowed.
  [[nodiscard]] Result<Fd> route_socket_in(int there) const;

 private:
  NetworkScout(Fd channel, os::PidRef process) : channel_(std::move(channel)), process_(std::move(process)) {}
  Fd channel_;  // SOCK_SEQPACKET
  os::PidRef process_;
};

}  // namespace berth::runtime
