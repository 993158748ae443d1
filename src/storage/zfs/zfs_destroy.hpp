// Removing a dataset, and nothing that another one needs.
#pragma once

#include <string>

#include "base/result.hpp"

namespace berth::storage::zfs {

// User property of snapshots that are there for a clone alone: its name when it was made.
inline constexpr char kMadeFor[] = "berth:clone";

// The dataset with its snapshots, and its origin when nobody else needs that. Clones of it are promoted first: they keep their
// data. An absent dataset is success; what a killed snapshot() or destroy() left for it goes. EBUSY: in use, or there are
// datasets below it.
Status destroy(const std::string& dataset);
// Of a snapshot: it stays when it has clones.
Status destroy_unless_needed(const std::string& snapshot);

}  // namespace berth::storage::zfs
