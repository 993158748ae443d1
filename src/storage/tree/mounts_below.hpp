// Before a root is removed: is something mounted in it?
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::storage {

// EBUSY, with the places: the directory `path` is a mount point, or has mounts below it that this process can see. Success where
// there is no such directory. What is removed piece by piece asks this first: a mount that is met half-way saves nothing of what
// came before it.
Status refuse_mounts(const std::string& path);
// The same for what is mounted below `directory`, also where a link leads there, but in none of its entries `keep`; what is
// mounted from one of `sources` goes away by itself.
Status refuse_mounts_below(const std::string& directory, const std::vector<std::string>& keep,
                           const std::vector<std::string>& sources);

}  // namespace berth::storage
