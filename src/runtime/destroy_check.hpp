// Whether a container can go, with all that goes with it, asked before the first of it is removed.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/conf.hpp"
#include "runtime/container.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

// Its configuration, without the root that an earlier destroy has removed: what is there now is somebody else's. When that
// destroy has removed a file that is included, too, nothing is left to be told by it.
Result<config::Conf> load_to_go(const Container& container);

// Of a root that goes with its container; nullptr: there is none. Error: no store has it.
Result<const storage::BackingStore*> store_of_root(const config::Conf& conf);

// Which entries of its directory stay. Error: others depend on it or use its root, it holds more than its own, something is
// mounted in its directory, it runs.
Result<std::vector<std::string>> check_can_go(const Container& container);

// The same for `clones`, which go first, each with its snapshots, then for the container's snapshots and the container.
Status check_all_can_go(const Container& container, const std::vector<Container>& clones);

}  // namespace berth::runtime
