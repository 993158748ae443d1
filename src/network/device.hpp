// The kinds of network that a container can have: one implementation a TYPE of lxc.net.N.type.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "network/recipe.hpp"
#include "network/section.hpp"
#include "os/netlink.hpp"

namespace berth::network {

// What a kind is. Callers ask this, never for the name.
struct Traits {
  std::string_view type;
  bool has_interface;       // an interface inside, which takes a name, addresses and gateways
  bool needs_link;          // lxc.net.N.link has to name an interface of the host
  bool moves_link;          // the interface inside is the host's own: it keeps its name where none is set, and comes home
  bool takes_auto_gateway;  // ipv4.gateway = auto
  bool draws_hwaddr;        // its interface is a new one with a hardware address of its own
};

// What the host has. Asks the kernel, in the caller's network namespace.
class Host {
 public:
  virtual ~Host() = default;
  // Nothing when there is none. The name can be an alternative one.
  virtual Result<std::optional<os::LinkDetails>> find(const std::string& name) const = 0;
  virtual Result<std::vector<os::LinkAddress>> addresses_of(int index) const = 0;
  virtual Result<std::vector<std::string>> names() const = 0;
  // Interfaces that belong to a bridge.
  virtual Result<std::vector<os::Link>> ports_of(int bridge) const = 0;
  // Addresses of both versions whose owners have answered there.
  virtual Result<std::vector<std::string>> neighbours_of(int index) const = 0;
  // "phy0": the radio of a wireless interface, which moves as a whole; empty: it is not wireless.
  virtual Result<std::string> radio_of(const std::string& name) const = 0;
  // False: Open vSwitch does not know it, or is not there.
  virtual Result<bool> is_open_vswitch(const std::string& name) const = 0;
};

class NetworkDevice {
 public:
  [[nodiscard]] virtual const Traits& traits() const = 0;
  // Adds the acts that make the interface inside under section.name, down, with its hardware address and MTU. Runs in the
  // starting command; looks at the host, changes nothing. The container's namespace is new; acts of earlier sections come before.
  // Errors name the line that asked and the way out.
  virtual Status plan(const Section& section, const Host& host, Recipe& recipe) const = 0;

 protected:
  ~NetworkDevice() = default;
};

std::span<const NetworkDevice* const> devices();
// Error: there is no such type.
Result<const NetworkDevice*> find_device(std::string_view type);

// Adds what all kinds have in common: checks, the device's own acts, then addresses, up, routes and neighbours.
Status plan_network(const Section& section, const Host& host, Recipe& recipe);

// Gives each section whose interface has no name one: that of the link where it is moved, else the lowest free ethN. Error: two
// have the same name, or the same interface of the host.
Status assign_names(std::span<Section> sections, const Host& host);

// The kernel's view, through one socket that is opened when it is first needed.
class KernelHost final : public Host {
 public:
  Result<std::optional<os::LinkDetails>> find(const std::string& name) const override;
  Result<std::vector<os::LinkAddress>> addresses_of(int index) const override;
  Result<std::vector<std::string>> names() const override;
  Result<std::vector<os::Link>> ports_of(int bridge) const override;
  Result<std::vector<std::string>> neighbours_of(int index) const override;
  Result<std::string> radio_of(const std::string& name) const override;
  Result<bool> is_open_vswitch(const std::string& name) const override;

 private:
  Result<os::Netlink*> socket() const;
  mutable std::optional<os::Netlink> socket_;
};

}  // namespace berth::network
