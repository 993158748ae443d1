// Runs in: the commands that export and import containers.
#include "runtime/backup/stream_thread.hpp"

#include <fcntl.h>
#include <signal.h>

#include <utility>

namespace berth::runtime {

void* StreamThread::run(void* shared) {
  auto* own = static_cast<Shared*>(shared);
  own->outcome = own->work();
  return nullptr;
}

Result<StreamThread> StreamThread::start(std::function<Status()> work) {
  auto shared = std::make_unique<Shared>(Shared{std::move(work)});
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int refused = ::pthread_create(&shared->thread, nullptr, run, shared.get());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (refused != 0) return fail(Error::from_errno(refused, "pthread_create", "the stream"));
  return StreamThread(std::move(shared));
}

Status StreamThread::join() {
  const auto shared = std::move(shared_);
  if (!shared) return {};
  ::pthread_join(shared->thread, nullptr);
  return std::move(shared->outcome);
}

void widen_pipe(int pipe) {
  constexpr int kRoom = 1 << 20;
  (void)::fcntl(pipe, F_SETPIPE_SZ, kRoom);
}

}  // namespace berth::runtime
