// Runs in: host commands.
#include "runtime/deadline.hpp"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
}

long poll_once(pollfd* descriptors, unsigned count, int milliseconds) {
  timespec limit{milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
  return sys::raw::call(SYS_ppoll, descriptors, count, milliseconds < 0 ? nullptr : &limit, nullptr, 0);
}

}  // namespace

Deadline Deadline::in_seconds(int seconds) { return Deadline(seconds < 0 ? -1 : now() + std::int64_t{seconds} * 1000); }

int Deadline::remaining() const {
  if (at_ < 0) return -1;
  return static_cast<int>(std::clamp<std::int64_t>(at_ - now(), 0, INT_MAX));
}

Result<bool> wait_readable(int fd, const Deadline& deadline) {
  for (;;) {
    pollfd descriptor{fd, POLLIN, 0};
    const long ready = poll_once(&descriptor, 1, deadline.remaining());
    if (ready > 0) return true;
    if (ready < 0 && ready != -EINTR) return fail(Error::from_errno(static_cast<int>(-ready), "ppoll"));
    if (ready == 0 || deadline.passed()) return false;
  }
}

bool pause_until(const Deadline& deadline, int milliseconds) {
  const int left = deadline.remaining();
  if (left == 0) return false;
  const int pause = left < 0 ? milliseconds : std::min(left, milliseconds);
  poll_once(nullptr, 0, pause);
  return !deadline.passed();
}

}  // namespace berth::runtime
