// What dnsmasq of a bridge is told about containers with addresses that they did not get from it: their names, and which
// addresses are not to be leased. lxc-net starts it with --hostsdir=DIR/names and --dhcp-hostsdir=DIR/reservations, DIR =
// RUNDIR/lxc/net/BRIDGE.
//
// dnsmasq watches both. Names go when their file goes; reservations are only ever added so, and go at its SIGHUP.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::network {

struct Announcement {
  std::string bridge;
  std::string container;               // LXCPATH/NAME
  unsigned index = 0;                  // of lxc.net.N
  std::vector<std::string> addresses;  // of both versions
};

// "10.0.3.17 web1" a line; empty where the container's name is no host name.
std::string names_text(const Announcement& announcement);
// Lines of dhcp-host for an identifier that no client has; dnsmasq then leases the address to nobody. Of version 4 alone: the
// networks of version 6 are so large that nobody is given the same address.
std::string reservations_text(const Announcement& announcement);
// "web1@0123456789ab": one for each container and network.
std::string announcement_file(const Announcement& announcement);

// Nothing is done where the bridge has no such directory: then no dnsmasq of lxc-net serves it.
Status announce(const Announcement& announcement);
// The names go. `announcement.addresses`: those that the container keeps while it is stopped, whose reservations stay.
Status withdraw(const Announcement& announcement);
// Of a container that is no more, on all bridges.
Status withdraw_everywhere(const std::string& container);
// Of a stopped container that has another name now, in the address books too: its addresses are reserved by that name.
Status rename_reservations(const std::string& old_container);

// For lxc-net, before it starts dnsmasq: the automatic addresses of stopped containers stay theirs. `directory`: DIR.
Status reserve_known_addresses(const std::string& directory, const std::string& bridge);
// When it stops: what stands there for containers that do not run goes.
Status drop_stopped(const std::string& directory);

}  // namespace berth::network
