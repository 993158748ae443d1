// Brings a container to the state of an incremental archive: docs/archive-format.md.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/backup/archive_worker.hpp"
#include "runtime/backup/import.hpp"
#include "runtime/backup/manifest.hpp"
#include "runtime/container.hpp"
#include "storage/backing_store.hpp"

namespace berth::runtime {

// The worker has told the manifest, which has a stream. `target` must have been imported from its base, or have sent it (of a
// whole archive: be of its type), and be stopped: else it is refused before anything is touched. Its root file system is made
// beside the old one and exchanged for it when the archive was found to be whole; its configuration stays. The archive's one is
// kept beside it, in the directory `imported`, unless that is somebody else's: refused too. Returns notes for the person who
// imports.
Result<std::vector<std::string>> apply_incremental(const Manifest& manifest, const Container& target, ArchiveWorker& worker,
                                                   const ImportRequest& request);

// The root's shared state is the one that the manifest tells of.
Status check_received(const PackedStream& stream, const storage::BackingStore& store, const std::string& root);

}  // namespace berth::runtime
