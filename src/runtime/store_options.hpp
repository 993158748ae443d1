// Which backing store a new root gets, and which options belong to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

struct StoreChoice {
  const storage::BackingStore* store = nullptr;
  storage::Specs specs{};  // complete
  std::string path{};      // where the root will be
};

// `bdev`: a kind; empty or "none": dir; "best": the first of btrfs, zfs, lvm, dir that the host and the options allow. Looks
// only. Errors: a kind that is not there or makes no roots, an option that belongs to other kinds (by its name on the command
// line), a host that lacks what the kind needs.
Result<StoreChoice> choose_store(const std::string& bdev, const storage::Owner& owner, const storage::Specs& given);

// Error: an option of `given` belongs to other kinds than `store`.
Status check_options(const storage::BackingStore& store, const storage::Specs& given);

// The names of what is given, as on the command line.
std::vector<std::string_view> given_options(const storage::Specs& given);

// Of `given`, what the kind `bdev` can use: for callers whose structure holds the options of all kinds at once.
storage::Specs specs_for(const std::string& bdev, const storage::Specs& given);

}  // namespace berth::runtime
