// The one epoll loop of the monitor. Events are taken one at a time, so that a watcher may remove or destroy any other.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

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

  // Memory that may be dropped whenever nothing has happened for kIdleMs: mapped from files, so that the kernel brings back
  // what is used again.
  void drop_when_idle(std::vector<std::span<std::byte>> ranges) { droppable_ = std::move(ranges); }
  static constexpr int kIdleMs = 100;

  // Waits for one event and hands it to its watcher.
  Status step();

 private:
  explicit Loop(Fd epoll) : epoll_(std::move(epoll)) {}
  [[nodiscard]] int timeout() const;
  Result<bool> wait(epoll_event& event);
  [[gnu::hot, gnu::noinline]] long park(epoll_event& event);

  Fd epoll_;
  Watcher* timer_ = nullptr;
  std::vector<std::span<std::byte>> droppable_;
  bool active_ = true;         // something has happened since memory was dropped
  std::int64_t deadline_ = 0;  // CLOCK_MONOTONIC, ms
};

}  // namespace berth::monitor
