// A container that runs under another path of its lxcpath: by a symbolic link, or a second mount. Monitors, and whoever looks for
// them, go by the text of the path, as with LXC.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

// `container` by the other paths of its directory under which a monitor runs it. One that does not answer is none.
Result<std::vector<Container>> running_by_other_paths(const Container& container);

}  // namespace berth::runtime
