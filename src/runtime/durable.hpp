// What is on its device before a container counts as complete: nothing may look complete whose files are empty after the power
// failed.
#pragma once

#include <string>

#include "base/result.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

Status sync_filesystem_of(const std::string& path);

// All that was made for a container in `directory`, its `root` (of `store`; nullptr: none) too. What was mounted for the making
// is on its device since it was unmounted; a directory elsewhere may be on a file system of its own.
Status sync_container(const std::string& directory, const storage::BackingStore* store, const std::string& root);

}  // namespace berth::runtime
