// The side of a pipe on which a store sends or receives, while the caller talks to the archive worker on the other side.
#pragma once

#include <pthread.h>

#include <functional>
#include <memory>

#include "base/result.hpp"

namespace berth::runtime {

// No signal reaches it: a pipe that nobody reads is EPIPE.
class StreamThread {
 public:
  static Result<StreamThread> start(std::function<Status()> work);
  StreamThread(StreamThread&&) noexcept = default;
  StreamThread& operator=(StreamThread&&) = delete;
  ~StreamThread() { (void)join(); }

  // Waits for its end. Whoever gives up has closed, or made end, what it waits for.
  Status join();

 private:
  struct Shared {
    std::function<Status()> work;
    Status outcome{};
    pthread_t thread{};
  };
  explicit StreamThread(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}
  static void* run(void* shared);
  std::unique_ptr<Shared> shared_;
};

// Room for more than the usual 64 KiB, where the system allows it: two programs that alternate wait less for each other.
void widen_pipe(int pipe);

}  // namespace berth::runtime
