// The end of a monitor: it leaves its own cgroups so that they can be removed.
#pragma once

#include <vector>

#include "child/blob.hpp"

namespace berth::monitor {

class Farewell {
 public:
  explicit Farewell(const child::BlobView& blob) : blob_(blob) {}

  // Leaves the monitor's cgroups and removes what is empty of them. Once a container can't but end (its init has been killed and
  // no hook is to come), this may be done while it dies; nothing that is started afterwards is in a group of the monitor. `done`:
  // the carried out steps; a group that is gone is taken off. Idempotent.
  void leave_groups(std::vector<bool>& done);

  // Removes the rest and ends this process with `status`. All descriptors stay open until the groups are gone: whoever sees a
  // socket of this monitor closed knows that nothing is left.
  [[noreturn]] void leave(std::vector<bool>& done, int status);

 private:
  const child::BlobView& blob_;
  bool left_ = false;
  bool last_process_ = false;  // a process that outlives this one removes the rest
};

}  // namespace berth::monitor
