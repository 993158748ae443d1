// Runs in: host commands that copy or remove a container.
#include "storage/tree/threads.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <vector>

#include "storage/tree/kernel_call.hpp"

namespace berth::storage {
namespace {

void* run(void* argument) {
  (*static_cast<const std::function<void()>*>(argument))();
  return nullptr;
}

}  // namespace

unsigned usual_threads() {
  constexpr unsigned kFewest = 2, kMost = 8;
  cpu_set_t usable[8];  // 8192 processors
  const long bytes = retried(SYS_sched_getaffinity, 0, sizeof usable, &usable[0]);
  if (bytes <= 0) return kFewest;
  return std::clamp(static_cast<unsigned>(CPU_COUNT_S(static_cast<std::size_t>(bytes), &usable[0])), kFewest, kMost);
}

void run_in_threads(unsigned count, const std::function<void()>& work) {
  std::vector<pthread_t> others;
  others.reserve(count);
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  while (others.size() + 1 < count) {
    pthread_t thread{};
    if (::pthread_create(&thread, nullptr, run, const_cast<std::function<void()>*>(&work)) != 0) break;
    others.push_back(thread);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  work();
  for (const pthread_t thread : others) ::pthread_join(thread, nullptr);
}

}  // namespace berth::storage
