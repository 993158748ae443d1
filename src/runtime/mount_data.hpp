// The data argument of mount(2) as fsconfig takes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::runtime {

struct MountData {
  std::vector<std::pair<std::string, std::optional<std::string>>> options;  // "size", "64k"; "nr" without a value: a flag
  bool map_owners = false;  // idmap=container, berth's own word: owners as in the container's id map
};

// Options are separated by commas; "\," is one of a value (overlay's lowerdir).
MountData parse_mount_data(std::string_view data);

}  // namespace berth::runtime
