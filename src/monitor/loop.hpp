// The one epoll loop of the monitor. Events are taken one at a time, so that a watcher may remove or destroy any other.
#pragma once

#include <cstdint>
#include <functional>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::monitor {

class Watcher {
 public:
  Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  // `events` = EPOLL* bits; 0 when its timer ran out.
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

// A watcher that is one function.
class Callback final : public Watcher {
 public:
  explicit Callback(std::function<void()> function) : function_(std::move(function)) {}
  void on_ready(std::uint32_t) override { function_(); }

 private:
  std::function<void()> function_;
};

class Loop {
 public:
  static Result<Loop> open();

  // `watcher` must live until forget(fd). A descriptor that epoll refuses (a regular file) is an Error.
  Status watch(int fd, std::uint32_t events, Watcher& watcher);
  void change(int fd, std::uint32_t events, Watcher& watcher);
  void forget(int fd);
  // One timer for the whole loop: its owner is called once after `milliseconds`. A second call replaces the first.
  void set_timer(int milliseconds, Watcher& watcher);
  void cancel_timer() { timer_ = nullptr; }
  [[nodiscard]] bool has_timer() const { return timer_ != nullptr; }

  // Waits for one event and hands it to its watcher.
  Status step();

 private:
  explicit Loop(Fd epoll) : epoll_(std::move(epoll)) {}
  [[nodiscard]] int timeout() const;

  Fd epoll_;
  Watcher* timer_ = nullptr;
  std::int64_t deadline_ = 0;  // CLOCK_MONOTONIC, ms
};

}  // namespace berth::monitor
