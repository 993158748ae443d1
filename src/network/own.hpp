// What berth does for a network beyond LXC's keys: published ports, limits, names for lxc-net's dnsmasq.
#pragma once

#include <string>
#include <vector>

#include "network/device.hpp"
#include "network/publish.hpp"

namespace berth::network {

// Whose network it is, and the program that does what takes more than rtnetlink.
struct Owner {
  std::string container;  // LXCPATH/NAME
  std::string helper;     // path of berth-network
};

// After plan_network, whose last section this was.
Status plan_own(const Section& section, const Host& host, const Owner& owner, Recipe& recipe);

// Does the section need Owner::helper?
bool needs_helper(const Section& section);

// One for each address family that the container has an address of, and that the line means. Error: there is none.
Result<std::vector<Publication>> publications_of(const Section& section);

// The addresses for resolv.conf(5). Error: the bridge has none.
Result<std::vector<std::string>> name_servers_of(const Section& section, const Host& host);

}  // namespace berth::network
