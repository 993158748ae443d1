// Puts the state of a snapshot in the place of its container.
#pragma once

#include <string>

#include "base/result.hpp"
#include "runtime/container.hpp"
#include "storage/backing_store.hpp"
#include "storage/progress.hpp"

namespace berth::runtime {

// The copy is made, completely, in a directory `restoring` of the container (a root in a pool: beside the old one); then its
// parts take the places of what is there, and the old root file system is removed. Files of the container that the snapshot does
// not have (its log, its snapshots) stay. Killed anywhere, the container is the old one or, from complete_rename() on, the new
// one, and restoring again cleans up.
Status restore_in_place(const Container& container, const Container& snapshot, storage::Progress* progress = nullptr);

// Makes the root that takes the place of a container's.
class RootMaker {
 public:
  // Before anything is touched but what an earlier one that was killed left; the container is locked and stopped.
  virtual Status check(const storage::BackingStore& store, const std::string& root) = 0;
  // The root `made`, completely. `directory` is for what else is needed, and goes afterwards.
  virtual Status make(const storage::BackingStore& store, const std::string& root, const std::string& made,
                      const std::string& directory) = 0;
  // It stands at `root`, and the old one is gone.
  virtual Status tidy(const storage::BackingStore& store, const std::string& root) = 0;

 protected:
  ~RootMaker() = default;
};

// The same with the root file system alone, in the same way; with it goes what its store keeps beside it.
Status replace_root(const Container& container, RootMaker& maker);

// The moves that a killed restore had begun. The caller holds the container's lock. complete_rename() does it.
Status finish_restore(const Container& container);
// What a restore left beside the container: a copy that was not finished, or what has been replaced. The caller holds the lock.
// Refused while the moves are half done, and where the old root stands aside while nothing is in its place.
Status remove_staging(const Container& container);
// The same for a container that goes with all that it has.
Status destroy_staging(const Container& container);
std::string staging_of(const Container& container);

}  // namespace berth::runtime
