// A container's network interface in the --json of the commands.
#pragma once

#include "cli/json.hpp"
#include "os/netlink.hpp"

namespace berth::cli {

// {"name": ..., "kind": ..., "up": ..., "addresses": [...], "rx_bytes": ...}: all counters, seen from the container.
void put_interface(JsonWriter& json, const os::Link& link);
// The counters alone, as members of an object that is open.
void put_counters(JsonWriter& json, const os::LinkCounters& counters);

}  // namespace berth::cli
