// Packs a container into an archive: docs/archive-format.md.
#pragma once

#include <string>

#include "base/result.hpp"
#include "runtime/backup/still_root.hpp"
#include "runtime/container.hpp"
#include "storage/progress.hpp"

namespace berth::runtime {

struct ExportRequest {
  std::string made_by;              // "berth 0.1.0"
  std::string compression = "zst";  // zst, gz, xz or none
  unsigned threads = 1;             // of zst and xz
  int level = 0;                    // 0 = the usual one
  bool snapshots = false;           // its snapshots too
  bool incremental = false;         // a stream of its store: what has changed since its shared state; all, where it has none
  bool whole = false;               // with `incremental`: all in any case
  Stillness stillness = Stillness::kAny;
  storage::Progress* progress = nullptr;  // nobody
};

struct ExportOutcome {
  std::string state{}, base{};  // of an incremental archive; empty base: it is whole
};

// To the descriptor, as it comes: a file or a pipe. What an Error leaves there is no archive, and import refuses it. An
// incremental archive's state becomes the container's shared one when all of it is written.
Result<ExportOutcome> export_container(const Container& container, const ExportRequest& request, int output);

// Into a new file: written beside its place, on the disk before it is there under its name. EEXIST where there is one, unless
// `replace`; with `incremental` that counts only together with `whole`.
Result<ExportOutcome> export_to_file(const Container& container, const ExportRequest& request, const std::string& path,
                                     bool replace);

}  // namespace berth::runtime
