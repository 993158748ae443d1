// The program that packs and unpacks archives (libexec/berth-archive), seen from the command that started it.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "storage/archive/channel.hpp"
#include "storage/attachment.hpp"
#include "storage/progress.hpp"

namespace berth::runtime {

// The directory for a worker that shall reach nothing else: as the root of a mount of its own, at no place, so that ".." ends
// there; nothing in it can be run, and with kRead nothing be changed. What is mounted below it is seen as it is. Where that can't
// be had (the kernel is older, the caller may not mount, it is such a mount already) the directory as it was given.
Result<Fd> confined(Fd directory, storage::Access access);

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
