// How much a directory tree holds that somebody else filled.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace berth::storage {

// Bytes of the device that the files below `path` take, each once whatever its names; what is shared with other trees is counted
// in full. Stays on the mount, follows no symbolic link; what vanishes meanwhile is left out.
Result<std::uint64_t> measure_tree(const std::string& path);

}  // namespace berth::storage
