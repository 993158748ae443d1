// Names that LXC 2.1 replaced. They are not accepted; messages name the new key and the command that rewrites a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::config {

struct LegacyKey {
  std::string replacement;  // empty: the key was removed
};

// Also for the open families: "lxc.limit.nofile" gives "lxc.prlimit.nofile", "lxc.network.0.ipv4" gives "lxc.net.0.ipv4.address",
// "lxc.network.type" gives "lxc.net.0.type".
std::optional<LegacyKey> find_legacy(std::string_view key);

}  // namespace berth::config
