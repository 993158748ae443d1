// Runs in: every process on the host's side.
#include "os/pid_ref.hpp"

#include "sys/socket.hpp"

namespace berth::os {

Result<PidRef> PidRef::open(pid_t pid) {
  Fd pidfd = TRY(sys::open_pidfd(pid));
  return PidRef(pid, std::move(pidfd));
}

Result<bool> PidRef::alive() const {
  const bool ended = TRY(wait_ended(std::chrono::milliseconds(0)));
  return !ended;
}

Result<bool> PidRef::wait_ended(std::chrono::milliseconds timeout) const {
  pollfd entry = {pidfd_.get(), POLLIN, 0};
  const std::size_t ready = TRY(sys::poll({&entry, 1}, static_cast<int>(timeout.count())));
  if ((entry.revents & POLLNVAL) != 0) return fail(Error::from_errno(EBADF, "poll", "pidfd"));
  return ready == 1;
}

}  // namespace berth::os
