// Removing images and the snapshots that are there for them alone.
#pragma once

#include <string>

#include "base/result.hpp"
#include "storage/rbd/rbd_output.hpp"

namespace berth::storage::rbd {

// What snapshots that are made for the clone `name` are called; followed by "-2" and so on where that was taken.
std::string snapshot_name_for(const std::string& name);

// Unmaps and removes it with its snapshots, and the snapshot that it is a clone of when that was made for it. An absent image is
// success; what a killed snapshot() or destroy() left for it goes. EBUSY: in use, or there are clones, which the Error names.
Status destroy(const Image& image);
// Of a snapshot without clones: protected or not.
Status remove_snapshot(const Image& image, const std::string& snapshot);

}  // namespace berth::storage::rbd
