// Makes a container of an archive: docs/archive-format.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

struct ImportRequest {
  std::string name{};     // empty: as in the archive
  std::string lxcpath{};  // absolute
  std::string bdev{};     // kind of the root file systems; empty: those of the archive where this host can, else dir
  storage::Specs specs{};
  bool keep_name = false;        // the host name, under another name of the container
  bool keep_hwaddr = false;      // hardware addresses, likewise
  bool any_device = false;       // device nodes of any number
  bool incremental = false;      // also a store's stream, which its programs read as root; an increment replaces the root
  bool replace = false;          // a whole stream too may take the place of a container's root
  std::uint64_t most_bytes = 0;  // of all files, holes included; 0 = what there is room for; not of a stream
  storage::Progress* progress = nullptr;
};

struct ImportOutcome {
  Container container;
  std::vector<std::string> notes;  // one line each, for the person who imports
};

// The new container is complete, and its archive was found to be whole, or it does not exist; its directory carries `partial`
// meanwhile. Under the archive's name it is the same container again (host name, hardware addresses), under another one a copy.
Result<ImportOutcome> import_container(int input, const ImportRequest& request);

}  // namespace berth::runtime
