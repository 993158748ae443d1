// The switches below /proc/sys/net that make a host a router, what they were before, and giving them back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "network/bridge_service/journal.hpp"

namespace berth::network::bridge_service {

// Paths below /proc/sys, in the order of writing. `before` is what is there now.
struct SettingChange {
  std::string path, before, value;
};

// The kernel has IPv6, and it is not switched off as a whole.
Result<bool> ipv6_available();

// What has to be written so that this host forwards. Turning forwarding on also turns other switches, which the kernel does not
// turn back by itself: those stand in the list with the value that they get.
Result<std::vector<SettingChange>> plan_forwarding4();
// The host's own interfaces, all but `bridge`, would no longer take the default route of their routers: those that do get
// accept_ra = 2 first.
Result<std::vector<SettingChange>> plan_forwarding6(std::string_view bridge);
// The bridge takes no routes and no addresses from what containers claim to be, also where it serves no IPv6: the host would.
// With `ipv6` it has IPv6 even where new interfaces get none.
Result<std::vector<SettingChange>> plan_bridge(std::string_view bridge, bool ipv6);
// The bridge has forwarding of its own, which the one for all turns on as a rule.
Result<std::vector<SettingChange>> plan_bridge_forwarding(std::string_view bridge, bool ipv6);

Result<std::string> read_setting(const std::string& path);
// Gives back what `changes` turned, the last one first. What somebody else has turned since, and what is gone, stays as it is.
Status restore_settings(const std::vector<SettingChange>& changes);
Status write_setting(const std::string& path, std::string_view value);

}  // namespace berth::network::bridge_service
