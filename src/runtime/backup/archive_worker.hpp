// The program that packs and unpacks archives (libexec/berth-archive), seen from the command that started it.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "storage/archive/channel.hpp"
#include "storage/progress.hpp"

namespace berth::runtime {

class ArchiveWorker {
 public:
  // Its standard input and output; the caller's stay open.
  static Result<ArchiveWorker> start(std::vector<std::string> arguments, int input, int output);
  ArchiveWorker(ArchiveWorker&&) noexcept = default;
  ArchiveWorker& operator=(ArchiveWorker&&) = delete;
  ~ArchiveWorker();

  Status send(storage::archive::Word word, std::string_view text, int descriptor = -1);
  // The next message that asks for something; how far it is goes to `progress`. Error: the worker failed (its own words), died,
  // or the work was cancelled.
  Result<storage::archive::Message> next(storage::Progress& progress);
  // After kDone: its end.
  Status finish();
  // Kills it, if it is still there, and waits: what it had open is closed then.
  void end();

 private:
  ArchiveWorker(Fd process, Fd socket) : process_(std::move(process)), channel_(std::move(socket)) {}
  Fd process_;
  storage::archive::Channel channel_;
};

}  // namespace berth::runtime
