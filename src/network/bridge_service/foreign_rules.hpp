// Packet filters of others (ufw, firewalld, docker, an administrator's) that keep a bridge's traffic away. They are only read:
// what would let the bridge through is said, never done.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::network::bridge_service {

// One warning for each that stands in the way, with the commands that open it. `ruleset`: nft list ruleset; iptables' rules are
// in it where iptables works by nftables. Those that name the bridge already are left alone.
std::vector<std::string> warn_of_foreign_rules(std::string_view ruleset, std::string_view bridge);
// The same of iptables -S, where iptables works by itself.
std::vector<std::string> warn_of_legacy_rules(std::string_view rules, std::string_view bridge);

// Asks this host. Programs that are not there have no rules.
Result<std::vector<std::string>> find_foreign_rules(std::string_view bridge);

}  // namespace berth::network::bridge_service
