// Root file systems that are a plain directory.
#pragma once

#include "storage/backing_store.hpp"

namespace berth::storage {

const BackingStore& dir_store();

}  // namespace berth::storage
