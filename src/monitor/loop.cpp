// Runs in: the monitor.
#include "monitor/loop.hpp"

#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "sys/raw.hpp"
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
  if (timer_ == nullptr) return kIdleMs;
  return static_cast<int>(std::clamp<std::int64_t>(deadline_ - now_ms(), 0, 60'000));
}

// Drops the program's own pages and waits for ever, in one function: what it returns through is all that is mapped meanwhile.
long Loop::park(epoll_event& event) {
  for (const auto& range : droppable_) sys::raw::call(SYS_madvise, range.data(), range.size(), MADV_DONTNEED);
  return sys::raw::call(SYS_epoll_pwait, epoll_.get(), &event, 1, -1, nullptr, 8);
}

// False when the time was over.
Result<bool> Loop::wait(epoll_event& event) {
  if (timer_ != nullptr || active_) return TRY(sys::epoll_wait(epoll_.get(), {&event, 1}, timeout())) == 1;
  const long count = park(event);
  active_ = true;
  if (count < 0 && count != -EINTR) return fail(Error::from_errno(static_cast<int>(-count), "epoll_wait"));
  return count == 1;
}

Status Loop::step() {
  epoll_event event{};
  if (TRY(wait(event))) {
    active_ = true;
    reinterpret_cast<Watcher*>(event.data.u64)->on_ready(event.events);
  } else if (timer_ == nullptr) {
    active_ = false;
  } else if (now_ms() >= deadline_) {
    std::exchange(timer_, nullptr)->on_ready(0);
  }
  return {};
}

}  // namespace berth::monitor
