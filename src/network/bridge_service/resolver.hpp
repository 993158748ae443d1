// dnsmasq for one bridge: DHCP, DNS and router advertisements on its addresses, and nowhere else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/bridge_service/places.hpp"
#include "network/bridge_service/settings.hpp"
#include "os/pid_ref.hpp"

namespace berth::network::bridge_service {

// The first of lxc-dnsmasq, dnsmasq and nobody that this host's /etc/passwd has.
Result<std::string> choose_resolver_user(std::string_view passwd);
// Without the program's name. The host's own configuration of dnsmasq is not among it.
std::vector<std::string> resolver_arguments(const BridgeSettings& settings, const Places& places, std::string_view user);

class Resolver {
 public:
  explicit Resolver(Places places) : places_(std::move(places)) {}

  // Error: dnsmasq or a file that the settings name is missing. Changes nothing.
  static Status check(const BridgeSettings& settings);
  // Returns when it answers. The directories that it watches are made.
  Status start(const BridgeSettings& settings) const;
  // The one that we started, if it lives.
  Result<std::optional<os::PidRef>> running() const;
  // One lives that was started with the same files in another network namespace.
  Result<bool> running_elsewhere() const;
  // It is gone afterwards, and its pid file with it.
  Status stop() const;

 private:
  enum class Where { kHere, kElsewhere };
  Result<std::optional<os::PidRef>> find(Where where) const;
  Places places_;
};

struct Lease {
  std::uint64_t expires = 0;  // seconds since 1970; 0 = never
  std::string hardware_address, address, name;
  bool operator==(const Lease&) const = default;
};
// dnsmasq's file of leases: those that hold at `now`. Lines that are none are passed over.
std::vector<Lease> parse_leases(std::string_view text, std::uint64_t now);

}  // namespace berth::network::bridge_service
