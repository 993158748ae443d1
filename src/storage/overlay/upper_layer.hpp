// The directories of an overlay's upper layer: made, tried, removed.
#pragma once

#include "base/result.hpp"
#include "storage/overlay/layers.hpp"
#include "storage/progress.hpp"

namespace berth::storage::overlay {

// The nearest directory there is on the way to `path` is on a file system that takes an upper layer, as far as its kind says.
Status check_file_system(const std::string& path);

// The upper layer and its work directory: empty with the owner and permissions of the uppermost lower one, or a copy of the upper
// layer `original`. Then it is tried out: an Error says what the file system lacks. What it leaves is remove_upper()'s.
Status make_upper(const Layers& layers);
Status copy_upper(const Layers& layers, const std::string& original, Progress& progress);
Status remove_upper(const Layers& layers);

}  // namespace berth::storage::overlay
