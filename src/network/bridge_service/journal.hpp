// What lxc-net changed on this host, written down before it is changed: a stop, and a start after a crash, undo exactly that.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::network::bridge_service {

struct Change {
  enum class Kind {
    kBridge,    // made; first: its name
    kAddress,   // given to the bridge; first: "10.0.3.1/24"
    kRaised,    // the bridge, which was there, but down
    kSetting,   // first: path below /proc/sys, second: its value before, third: its value since
    kFilter,    // first: "nft" or "iptables"
    kResolver,  // dnsmasq was started
    kFlagFile,  // made; first: its path
  };
  Kind kind;
  std::string first, second, third;
  bool operator==(const Change&) const = default;
};

struct Journal {
  std::string host_life;  // boot id and network namespace: what is written is true for these only
  std::string settings;   // the mark of those it was started with; empty: not known
  bool complete = false;  // the start came to its end
  std::vector<Change> changes;
  bool operator==(const Journal&) const = default;
};

std::string to_text(const Journal& journal);
// Error: not what to_text() writes.
Result<Journal> parse_journal(std::string_view text);
// Nothing: there is none.
Result<std::optional<Journal>> read_journal(const std::string& path);

// "BOOT-ID net:[4026531840]" of this process.
Result<std::string> host_life();

}  // namespace berth::network::bridge_service
