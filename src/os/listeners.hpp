// Who has a port of this network namespace: sockets that are bound without a peer, by sock_diag(7), and the processes that hold
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::os {

struct Listener {
  int family = 0;    // AF_INET, AF_INET6
  int protocol = 0;  // IPPROTO_TCP, IPPROTO_UDP
  std::uint16_t port = 0;
  std::vector<std::uint8_t> address;  // 4 or 16 bytes; all 0: every address
  int interface = 0;                  // index of the one interface that it is bound to; 0 = any
  std::uint32_t inode = 0;
  bool only_version6 = false;  // of AF_INET6: every address is none of IPv4
};

// TCP sockets that listen and UDP sockets that are bound, of both families.
Result<std::vector<Listener>> list_listeners();
// What one datagram of the kernel says; pure, and safe on any bytes. `finished` is set at the end of the list; the error is an
// errno or 0.
struct ListenersReply {
  bool finished = false;
  int error = 0;
};
ListenersReply parse_listeners(std::span<const std::byte> datagram, int protocol, std::vector<Listener>& out);

// "dnsmasq (pid 812)"; nothing where no process that we may look into has the socket.
std::optional<std::string> holder_of_socket(std::uint32_t inode);

}  // namespace berth::os
