// Removes a container with all that belongs to it.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

struct DestroyRequest {
  bool force = false;                                  // a running container is stopped first
  bool snapshots = false;                              // its snapshots are removed too
  bool clones = false;                                 // those that depend on its storage are destroyed first, with theirs
  std::function<void(const Container&)> clone_gone{};  // told of each of them
  std::function<Status(const Container&)> check{};     // asked under the container's lock, before anything of it goes
};

// Runs the destroy hooks, then removes the root file system (unless lxc.rootfs.managed = 0) and the container's directory,
// its configuration last: a destroy that was killed can be repeated. A creation that was killed can be destroyed as well.
// Errors: not defined, running, still being created, snapshots or clones depend on it, a hook fails, a file that cannot be
// removed (named). What can be foreseen is refused before anything is removed, also of the clones and snapshots that go too. What
// an earlier destroy has removed is not looked for again. `clones`: refused, before anything is touched, where one of them runs,
// has snapshots (without `snapshots`), or does not really need the storage: a name in lxc_snapshots may be another container's by
// now.
Status destroy(const Container& container, const DestroyRequest& request);

// Destroys what a destroy that was killed or failed has left. False: under the container's lock its mark is not there any more,
// so that somebody else has ended it, and what has the name by now is another container. Errors as of destroy().
Result<bool> end_killed_destroy(const Container& container);

// The last thing that a destroy which was killed leaves: a directory with nothing but its mark.
bool is_end_of_destroy(const std::string& directory);

// A directory with the mark of a creation, which goes last: no file of it goes while it could be taken for a container.
Status remove_unfinished(const std::string& directory);

// Only what a creation that was killed has made: in a directory that was there before, everything else stays, and the
// configuration is again what it was. Nothing where, under the container's lock, it turns out to be complete or being made.
Status remove_crashed(const Container& container, bool force);

}  // namespace berth::runtime
