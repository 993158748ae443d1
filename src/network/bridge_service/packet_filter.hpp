// Address translation for a bridge, in a table of its own: nftables' `inet berth_BRIDGE`, or chains of its own in iptables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "network/bridge_service/settings.hpp"

namespace berth::network::bridge_service {

enum class FilterKind { kNft, kIptables };
std::string_view filter_name(FilterKind kind);  // "nft", "iptables"

// The table that everything of a bridge is in. What publishes ports of containers has its chains (publish_*) and maps
// (published_*) there too.
std::string nft_table(std::string_view bridge);
// One transaction; it makes what is missing, and replaces what is there.
std::string nft_start_script(const BridgeSettings& settings);
// Nothing where the table is not there. `listing`: nft list table inet TABLE.
// Takes away our chain, and the table with it when nothing of published ports is left in it.
std::string nft_stop_script(std::string_view bridge, std::string_view listing);
// The listing holds chains or maps of published ports with something in them.
bool holds_published_ports(std::string_view listing);
// Our chain is in the listing, with its rules.
bool holds_translation(std::string_view listing);

// Chains in the tables of iptables (`version` 4) or ip6tables (6), for iptables-restore --noflush.
std::string iptables_start_script(const BridgeSettings& settings, int version);
struct IptablesRule {
  std::string table, chain;  // of the host's
  std::vector<std::string> words;
  std::string target;  // our chain, to which the rule leads
};
std::vector<IptablesRule> iptables_rules(const BridgeSettings& settings);

class PacketFilter {
 public:
  PacketFilter(FilterKind kind, std::string bridge) : kind_(kind), bridge_(std::move(bridge)) {}
  // By the settings, and by which programs this host has. Error: neither.
  static Result<FilterKind> choose(const BridgeSettings& settings);

  Status start(const BridgeSettings& settings) const;
  // Nothing of it is left afterwards, but for published ports; those are true.
  Result<bool> stop() const;
  // All of it, of both families that the settings have.
  Result<bool> present(const BridgeSettings& settings) const;

 private:
  Status start_iptables(const BridgeSettings& settings) const;
  Status stop_iptables(std::string_view program) const;

  FilterKind kind_;
  std::string bridge_;
};

}  // namespace berth::network::bridge_service
