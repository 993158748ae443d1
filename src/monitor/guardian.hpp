// A process that waits for the monitor's end and takes back what would stay behind if the monitor were killed: interfaces of the
// host that are inside the container, ports of switches, published ports. A normal stop takes these back itself and dismisses it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "child/blob.hpp"
#include "runtime/host_steps.hpp"

namespace berth::monitor {

class Guardian {
 public:
  explicit Guardian(const child::BlobView& blob) : blob_(blob) {}
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;
  ~Guardian() = default;  // it stays: what it guards is not undone

  // A copy of this process that keeps what `context` has open of the container's network, and `log`, and nothing else.
  Status start(runtime::HostContext& context, int log);
  // To be told before a step marked kStepOutlives is carried out.
  void expect(std::uint32_t step);
  // Ends it; returns when it is gone. Nothing is taken back.
  void dismiss();

 private:
  Status share_list();
  [[nodiscard]] std::vector<bool> due() const;
  [[noreturn]] void watch(const Fd& monitor, runtime::HostContext& context, int log) const;
  void take_back(runtime::HostContext& context) const;

  const child::BlobView& blob_;
  std::span<volatile std::uint8_t> due_;  // shared with it: one byte a step
  pid_t pid_ = 0;
  Fd pidfd_;
};

}  // namespace berth::monitor
