// The rtnetlink requests that several kinds of network need, as acts. Source of the layouts: rtnetlink(7), linux/if_link.h.
#pragma once

#include <cstdint>
#include <string>

#include "network/recipe.hpp"
#include "network/section.hpp"

namespace berth::network {

// A new interface of `kind` in the container's namespace; the caller adds what else it takes, and the data of its kind.
Request new_link_inside(const Section& section);

Act set_up(Side side, const std::string& interface, Origin origin);
Act delete_link(const std::string& interface, Origin origin);  // on the host; one that is gone already is fine
Act add_address(const Section& section, const Subnet& subnet);
// To the interface of the host that has this index, with the broadcast address that is given, or none; `name` is for messages.
Act add_address_at_home(int index, const std::string& name, const Subnet& subnet);

struct Route {
  Subnet destination;                // length 0: the default route
  const Address* gateway = nullptr;  // none: the destination is on the link
};
// A request for a route through `interface`; `create` or remove (absent is fine).
Act change_route(Side side, bool create, const Route& route, const std::string& interface, Origin origin);
// The host answers on `interface` for the address (ARP or neighbour discovery).
Act change_proxy_neighbour(bool create, const Address& address, const std::string& interface, Origin origin);

// "/proc/sys/net/ipv6/conf/NAME/KEY".
std::string sysctl_path(int family, const std::string& interface, std::string_view key);

}  // namespace berth::network
