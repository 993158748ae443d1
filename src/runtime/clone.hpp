// Copies a container, gives it another name.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

struct CloneRequest {
  std::string name{};                     // of the new container; empty = the source's (another lxcpath must be given then)
  std::string lxcpath{};                  // absolute; empty = the source's
  bool snapshot = false;                  // share the unchanged data with the source; error where the store can't
  bool maybe_snapshot = false;            // the same, and a full copy where the store can't
  bool keep_name = false;                 // lxc.uts.name, /etc/hostname and the like stay the source's
  bool keep_hwaddr = false;               // hardware addresses stay the source's
  bool keep_store = false;                // the new root file system is of the source's kind
  bool allow_running = false;             // the source may run meanwhile
  std::string bdev{};                     // kind of the new root file system; empty = chosen from the source's and the flags
  storage::Specs specs{};                 // of that kind: volume group, size and the like; a size of 0 = the source's
  std::string place{};                    // where that kind keeps its roots, in its own words (the C interface's bdevdata)
  storage::Progress* progress = nullptr;  // who is told; nobody
  // Keys and values that the copy's configuration gets at its end, before the copy is complete.
  std::vector<std::pair<std::string, std::string>> added_lines{};
  std::vector<std::string> hook_arguments{};  // given to the clone hooks behind their own
};

// The new container is complete or does not exist; its directory carries `partial` meanwhile. Configuration text, root file
// system, fstab and hooks inside the container's directory are copied; its name, host name and hardware addresses are made new;
// clone hooks run. Errors: not defined, running, the new name taken or not allowed, a kind that can't be copied, a hook that
// fails.
Result<Container> clone(const Container& source, const CloneRequest& request);

// Within its lxcpath; a root in a pool that is called like the container is renamed too. Refused while the container runs, has
// snapshots, or others depend on it.
Result<Container> rename(const Container& container, const std::string& new_name);

}  // namespace berth::runtime
