// One epoll loop for one thread: descriptors and one-shot timers with callbacks. Small, as it lives in every monitor.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::os {

class EventLoop {
 public:
  using Callback = std::function<void(std::uint32_t events)>;  // EPOLL* bits
  using TimerCallback = std::function<void()>;
  using TimerId = std::uint64_t;

  static Result<EventLoop> create();
  EventLoop(EventLoop&&) noexcept;
  EventLoop& operator=(EventLoop&&) noexcept;
  ~EventLoop();

  // Watches `fd`, which stays the caller's: remove() it before closing it. Level-triggered unless EPOLLET is asked for.
  // A descriptor that is watched already is the Error EEXIST.
  Status add(int fd, std::uint32_t events, Callback callback);
  Status change(int fd, std::uint32_t events);
  // Also from within a callback, its own too: no callback of `fd` runs afterwards. Unknown descriptors are ignored.
  void remove(int fd);

  // Calls once, `delay` from now (at least a nanosecond); cancelled or fired timers are gone.
  Result<TimerId> add_timer(std::chrono::nanoseconds delay, TimerCallback callback);
  void cancel_timer(TimerId id);

  // Dispatches until stop() is called, before or meanwhile. Errors come from epoll itself only.
  Status run();
  // Dispatches what is ready within timeout_ms (-1 = waits) and returns.
  Status run_once(int timeout_ms);
  void stop() { stopped_ = true; }

 private:
  struct Entry;
  explicit EventLoop(Fd epoll_fd);
  Entry* find_fd(int fd);
  Entry* find_id(std::uint64_t id);
  Status insert(std::unique_ptr<Entry> entry, std::uint32_t events);
  void drop(Entry& entry);
  void dispatch(Entry& entry, std::uint32_t events);
  void sweep();

  Fd epoll_fd_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::uint64_t next_id_ = 1;
  bool dispatching_ = false;
  bool stopped_ = false;
};

}  // namespace berth::os
