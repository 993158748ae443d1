// Which containers need whose storage: LXC's files `lxc_snapshots` (in a source) and `lxc_rdepends` (in a clone), two lines an
// entry: LXCPATH and NAME.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

using Dependence = std::pair<std::string, std::string>;  // LXCPATH, NAME
std::vector<Dependence> parse_dependences(std::string_view text);

// Error when clones need the container's storage, or when that can't be seen.
Status check_dependants(const Container& container);
// Takes the container out of the lists of those that it depends on.
Status forget_sources(const Container& container);

}  // namespace berth::runtime
