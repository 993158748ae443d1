// From the names of LXC 1 and 2 to those of today: what lxc-update-config does to a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::config {

struct Change {
  unsigned line = 0;   // of the text before, counted from 1
  std::string before;  // the line as it was
  std::string after;   // as it is now; empty: removed
};

struct Updated {
  std::string text;
  std::vector<Change> changes;  // none: the text is as it was
};

// Comments, order and spacing stay. Blocks of lxc.network.* without a number get one that the file does not use yet, a new one at
// each lxc.network.type; the type in lxc.rootfs.backend, or dir, becomes the prefix of lxc.rootfs.path. Values are not looked at
// otherwise. Error: a line that no version could read, with its number.
Result<Updated> update_names(std::string_view text, const std::string& name);

}  // namespace berth::config
