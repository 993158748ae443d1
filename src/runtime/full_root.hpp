// What is said where a root file system has no room for what a command writes into it.
#pragma once

#include <string>

#include "base/error.hpp"
#include "runtime/container.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

// `error` is of a write into the root `path`: where it is one of missing room it is told as one of that root, with its limit and
// the way out; every other as it is. `source`: whose limit the root has, unless it was given its own `size`.
Error told_of_full_root(Error error, const storage::BackingStore& store, const std::string& path, const Container& source,
                        std::uint64_t size);

}  // namespace berth::runtime
