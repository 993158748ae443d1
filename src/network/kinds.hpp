// The implementations of NetworkDevice; for devices.cpp and for tests.
#pragma once

#include "network/device.hpp"

namespace berth::network {

// A pair: one end inside, the other on the host, on a bridge (Linux or Open vSwitch), routed, or on its own.
// Limits: vlan.id and vlan.tagged.id need a bridge; those of a Linux bridge, vlan_filtering too.
class Veth final : public NetworkDevice {
 public:
  [[nodiscard]] const Traits& traits() const override;
  Status plan(const Section& section, const Host& host, Recipe& recipe) const override;
};

// An interface of its own hardware address on the host's link. Limits: the host itself is not reached through it.
class Macvlan final : public NetworkDevice {
 public:
  [[nodiscard]] const Traits& traits() const override;
  Status plan(const Section& section, const Host& host, Recipe& recipe) const override;
};

// As macvlan with the hardware address of the link.
class Ipvlan final : public NetworkDevice {
 public:
  [[nodiscard]] const Traits& traits() const override;
  Status plan(const Section& section, const Host& host, Recipe& recipe) const override;
};

// The traffic of the link that has one tag.
class Vlan final : public NetworkDevice {
 public:
  [[nodiscard]] const Traits& traits() const override;
  Status plan(const Section& section, const Host& host, Recipe& recipe) const override;
};

// The host's own interface, which comes home at the end with its name, addresses and state. Limits: routes through it don't.
class Phys final : public NetworkDevice {
 public:
  [[nodiscard]] const Traits& traits() const override;
  Status plan(const Section& section, const Host& host, Recipe& recipe) const override;
};

// No interface but the loopback one, which is up.
class Empty final : public NetworkDevice {
 public:
  [[nodiscard]] const Traits& traits() const override;
  Status plan(const Section& section, const Host& host, Recipe& recipe) const override;
};

inline constexpr Veth kVeth;
inline constexpr Macvlan kMacvlan;
inline constexpr Ipvlan kIpvlan;
inline constexpr Vlan kVlan;
inline constexpr Phys kPhys;
inline constexpr Empty kEmpty;

// The host's interface that a section names. Error: it names none, or there is none of that name.
Result<os::LinkDetails> require_link(const Section& section, const Host& host);

}  // namespace berth::network
