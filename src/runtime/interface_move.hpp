// Moves a network interface between two network namespaces, whole or not at all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "os/netlink.hpp"
#include "runtime/radio.hpp"

namespace berth::runtime {

// One of the two namespaces.
struct NetworkSide {
  std::string_view words;  // "the host"
  Fd network;
  pid_t process;  // one that is in it, by its number for the caller
  os::Netlink socket;
  std::vector<os::Link> links;

  // By name, or by one of its other names.
  [[nodiscard]] const os::Link* find(std::string_view name) const;
};

struct InterfaceMove {
  std::string interface;  // any of its names
  std::string wanted;     // its name where it goes; empty = the one it has
  std::string alias;      // its note there
};

// The interface loses its addresses, as the kernel has it, and keeps its other names. A failure leaves it where it was, under its
// name, up with its addresses if it was up. A wireless interface takes all of its radio's with it.
Status move_interface(NetworkSide& from, NetworkSide& to, const InterfaceMove& move, const Radios& radios = {});

// The link, or an Error that says what there is instead.
Result<os::Link> find_interface(const NetworkSide& from, const NetworkSide& to, const std::string& name);

}  // namespace berth::runtime
