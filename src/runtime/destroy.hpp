// Removes a container with all that belongs to it.
#pragma once

#include <string>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

struct DestroyRequest {
  bool force = false;      // a running container is stopped first
  bool snapshots = false;  // its snapshots are removed too
};

// Runs the destroy hooks, then removes the root file system (unless lxc.rootfs.managed = 0) and the container's directory,
// its configuration last: a destroy that was killed can be repeated. A creation that was killed can be destroyed as well.
// Errors: not defined, running, still being created, snapshots or clones depend on it, a hook fails, a file that cannot be
// removed (named).
Status destroy(const Container& container, const DestroyRequest& request);

// Only what a creation that was killed has made: in a directory that was there before, everything else stays, and the
// configuration is again what it was. Nothing where, under the container's lock, it turns out to be complete or being made.
Status remove_crashed(const Container& container, bool force);

}  // namespace berth::runtime
