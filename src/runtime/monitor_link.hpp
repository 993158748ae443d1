// The starting command's end of the line to the monitor that it starts.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "plan/plan.hpp"
#include "runtime/container.hpp"
#include "runtime/status_protocol.hpp"

namespace berth::runtime {

class MonitorLink {
 public:
  // Starts the monitor program, born in its group of the unified hierarchy where there is one. `encoded` is the plan's blob.
  static Result<MonitorLink> launch(const plan::Plan& plan, const std::string& encoded, const StartRequest& request);

  // The next message. The monitor's death without a word is an Error.
  Result<StatusMessage> receive();
  // Foreground: hands signals on until the container has stopped and all is torn down. The wait(2) status of init.
  Result<int> wait_until_stopped();
  [[nodiscard]] bool spoke() const { return spoke_; }

 private:
  MonitorLink(Fd status, Fd pidfd) : status_(std::move(status)), pidfd_(std::move(pidfd)) {}
  Fd status_, pidfd_;
  bool spoke_ = false;
};

}  // namespace berth::runtime
