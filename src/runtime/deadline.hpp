// Waiting with an end.
#pragma once

#include <cstdint>

#include "base/result.hpp"

namespace berth::runtime {

// A point of the monotonic clock, or never.
class Deadline {
 public:
  static Deadline never() { return Deadline(-1); }
  // Seconds from now; -1 = never.
  static Deadline in_seconds(int seconds);
  // Milliseconds left, for poll(2): -1 = no end, 0 = passed.
  [[nodiscard]] int remaining() const;
  [[nodiscard]] bool passed() const { return remaining() == 0; }

 private:
  explicit Deadline(std::int64_t at) : at_(at) {}
  std::int64_t at_;  // ms of CLOCK_MONOTONIC, -1 = never
};

// True when `fd` has data or has ended, false when the deadline passed first.
Result<bool> wait_readable(int fd, const Deadline& deadline);
// Sleeps; false when the deadline passed (then the sleep was cut short).
bool pause_until(const Deadline& deadline, int milliseconds);

}  // namespace berth::runtime
