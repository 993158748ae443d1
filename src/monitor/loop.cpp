// Runs in: the monitor.
#include "monitor/loop.hpp"

#include <time.h>

#include <algorithm>

#include "sys/socket.hpp"

namespace berth::monitor {
namespace {

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::uint64_t key_of(Watcher& watcher) { return reinterpret_cast<std::uint64_t>(&watcher); }

}  // namespace

Result<Loop> Loop::open() { return Loop(TRY(sys::epoll())); }

Status Loop::watch(int fd, std::uint32_t events, Watcher& watcher) {
  return sys::epoll_control(epoll_.get(), EPOLL_CTL_ADD, fd, events, key_of(watcher));
}

void Loop::change(int fd, std::uint32_t events, Watcher& watcher) {
  // Cannot fail for a descriptor that is watched; one that is not has nothing to change.
  [[maybe_unused]] const Status ignored = sys::epoll_control(epoll_.get(), EPOLL_CTL_MOD, fd, events, key_of(watcher));
}

void Loop::forget(int fd) {
  // A descriptor that is not watched (any more) is what the caller wants.
  [[maybe_unused]] const Status ignored = sys::epoll_control(epoll_.get(), EPOLL_CTL_DEL, fd, 0, 0);
}

void Loop::set_timer(int milliseconds, Watcher& watcher) {
  timer_ = &watcher;
  deadline_ = now_ms() + milliseconds;
}

int Loop::timeout() const {
  if (timer_ == nullptr) return -1;
  return static_cast<int>(std::clamp<std::int64_t>(deadline_ - now_ms(), 0, 60'000));
}

Status Loop::step() {
  epoll_event event{};
  const std::size_t count = TRY(sys::epoll_wait(epoll_.get(), {&event, 1}, timeout()));
  if (count == 1) {
    reinterpret_cast<Watcher*>(event.data.u64)->on_ready(event.events);
  } else if (timer_ != nullptr && now_ms() >= deadline_) {
    std::exchange(timer_, nullptr)->on_ready(0);
  }
  return {};
}

}  // namespace berth::monitor
