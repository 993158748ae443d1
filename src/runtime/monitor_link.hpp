// The starting command's end of the line to the monitor that it starts.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "plan/plan.hpp"
#include "runtime/container.hpp"
#include "runtime/status_protocol.hpp"
#include "sys/process.hpp"

namespace berth::runtime {

class MonitorLink {
 public:
  // Sets the monitor program on its way, born in its group of the unified hierarchy where there is one. `encoded` is the plan's
  // blob. Returns at once: confirm() tells whether the program runs.
  static Result<MonitorLink> launch(const plan::Plan& plan, const std::string& encoded, const StartRequest& request);

  // Waits until the monitor program runs.
  Status confirm();
  // The kBeside steps are done, or will never be. A monitor that is gone shows in receive().
  void tell_groups_made();
  void give_up();

  // Waits until the monitor, and the process that cleans up after it, have ended.
  void await_end();

  // The next message. The monitor's death without a word is an Error.
  Result<StatusMessage> receive();
  // Foreground: hands signals on until the container has stopped and all is torn down. The wait(2) status of init.
  Result<int> wait_until_stopped();
  [[nodiscard]] bool spoke() const { return spoke_; }

 private:
  MonitorLink(Fd status, sys::Spawning starting) : status_(std::move(status)), starting_(std::move(starting)) {}
  Fd status_, pidfd_;
  sys::Spawning starting_;
  Result<std::size_t> receive_into(StatusMessage& message);
  bool spoke_ = false;
};

}  // namespace berth::runtime
