// PidRef: a process by number and pidfd. The number is for texts and /proc; signals and waits go through the pidfd, so a
// recycled number never hits a stranger. Move-only.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "sys/process.hpp"

namespace berth::os {

class PidRef {
 public:
  PidRef() = default;
  PidRef(pid_t pid, Fd pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}
  explicit PidRef(sys::Cloned&& child) noexcept : pid_(child.pid), pidfd_(std::move(child.pidfd)) {}
  // The process that has this number now. Whoever got the number from elsewhere checks afterwards that it is the right one.
  static Result<PidRef> open(pid_t pid);

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  [[nodiscard]] bool valid() const noexcept { return pidfd_.valid(); }

  Status signal(int number) const { return sys::send_signal(pidfd_.get(), number); }
  // True until the process has ended, also when it is a zombie no more and not a child of ours.
  Result<bool> alive() const;
  // Waits for the end of any process, child or not. False when `timeout` passed first.
  Result<bool> wait_ended(std::chrono::milliseconds timeout) const;
  // Children only: reaps and returns the status in wait(2) form.
  Result<int> reap() const { return sys::wait_pidfd(pidfd_.get()); }
  Result<std::optional<int>> try_reap() const { return sys::try_wait_pidfd(pidfd_.get()); }

 private:
  pid_t pid_ = -1;
  Fd pidfd_;
};

}  // namespace berth::os
