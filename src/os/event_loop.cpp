// Runs in: the monitor, and commands that relay a terminal.
#include "os/event_loop.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "sys/socket.hpp"

namespace berth::os {

// Events carry the id, never the descriptor: a number that is closed and reused within one batch can't reach the old callback.
struct EventLoop::Entry {
  std::uint64_t id = 0;
  int fd = -1;
  Callback callback;
  Fd timer;  // owned; valid in timers only
  TimerCallback fire;
  bool removed = false;
};

EventLoop::EventLoop(Fd epoll_fd) : epoll_fd_(std::move(epoll_fd)) {}
EventLoop::EventLoop(EventLoop&&) noexcept = default;
EventLoop& EventLoop::operator=(EventLoop&&) noexcept = default;
EventLoop::~EventLoop() = default;

Result<EventLoop> EventLoop::create() {
  Fd fd = TRY(sys::epoll());
  return EventLoop(std::move(fd));
}

EventLoop::Entry* EventLoop::find_fd(int fd) {
  for (const auto& entry : entries_) {
    if (entry->fd == fd && !entry->removed) return entry.get();
  }
  return nullptr;
}

EventLoop::Entry* EventLoop::find_id(std::uint64_t id) {
  for (const auto& entry : entries_) {
    if (entry->id == id && !entry->removed) return entry.get();
  }
  return nullptr;
}

Status EventLoop::insert(std::unique_ptr<Entry> entry, std::uint32_t events) {
  TRY(sys::epoll_control(epoll_fd_.get(), EPOLL_CTL_ADD, entry->fd, events, entry->id));
  entries_.push_back(std::move(entry));
  return {};
}

Status EventLoop::add(int fd, std::uint32_t events, Callback callback) {
  if (find_fd(fd) != nullptr) return fail(Error::from_errno(EEXIST, "epoll_ctl", strings::cat("descriptor ", fd)));
  auto entry = std::make_unique<Entry>();
  entry->id = next_id_++;
  entry->fd = fd;
  entry->callback = std::move(callback);
  return insert(std::move(entry), events);
}

Status EventLoop::change(int fd, std::uint32_t events) {
  const Entry* entry = find_fd(fd);
  if (entry == nullptr) return fail(Error::from_errno(ENOENT, "epoll_ctl", strings::cat("descriptor ", fd)));
  return sys::epoll_control(epoll_fd_.get(), EPOLL_CTL_MOD, fd, events, entry->id);
}

void EventLoop::drop(Entry& entry) {
  // Refused only when the descriptor was closed before, and then the kernel has forgotten it already.
  (void)sys::epoll_control(epoll_fd_.get(), EPOLL_CTL_DEL, entry.fd, 0, 0);
  entry.removed = true;
  entry.timer.reset();
  if (!dispatching_) sweep();
}

void EventLoop::remove(int fd) {
  if (Entry* entry = find_fd(fd); entry != nullptr) drop(*entry);
}

Result<EventLoop::TimerId> EventLoop::add_timer(std::chrono::nanoseconds delay, TimerCallback callback) {
  auto entry = std::make_unique<Entry>();
  entry->timer = TRY(sys::timer_fd());
  TRY(sys::arm_timer(entry->timer.get(), std::max(delay, std::chrono::nanoseconds(1))));
  const TimerId id = next_id_++;
  entry->id = id;
  entry->fd = entry->timer.get();
  entry->fire = std::move(callback);
  TRY(insert(std::move(entry), EPOLLIN));
  return id;
}

void EventLoop::cancel_timer(TimerId id) {
  if (Entry* entry = find_id(id); entry != nullptr) drop(*entry);
}

void EventLoop::dispatch(Entry& entry, std::uint32_t events) {
  if (!entry.timer.valid()) return entry.callback(events);
  drop(entry);
  entry.fire();
}

void EventLoop::sweep() {
  std::erase_if(entries_, [](const auto& entry) { return entry->removed; });
}

Status EventLoop::run_once(int timeout_ms) {
  std::array<epoll_event, 16> events{};
  const std::size_t count = TRY(sys::epoll_wait(epoll_fd_.get(), events, timeout_ms));
  dispatching_ = true;  // entries stay allocated while their callbacks run
  for (std::size_t i = 0; i < count && !stopped_; ++i) {
    if (Entry* entry = find_id(events[i].data.u64); entry != nullptr) dispatch(*entry, events[i].events);
  }
  dispatching_ = false;
  sweep();
  return {};
}

Status EventLoop::run() {
  while (!stopped_) TRY(run_once(-1));
  stopped_ = false;
  return {};
}

}  // namespace berth::os
