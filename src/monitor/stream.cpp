// Runs in: the monitor.
#include "monitor/stream.hpp"

#include <sys/epoll.h>

#include <cerrno>

#include "sys/raw.hpp"

namespace berth::monitor {
namespace {

constexpr std::size_t kChunk = 4096;

}  // namespace

Stream::~Stream() {
  if (watched_) loop_.forget(fd_.get());
}

Status Stream::start() {
  interest_ = EPOLLIN;
  if (auto watched = loop_.watch(fd_.get(), interest_, *this); !watched) return watched;
  watched_ = true;
  return {};
}

void Stream::update() {
  const std::uint32_t wanted = (paused_ ? 0U : EPOLLIN) | (pending_.empty() ? 0U : EPOLLOUT);
  if (!watched_ || wanted == interest_) return;
  interest_ = wanted;
  loop_.change(fd_.get(), wanted, *this);
}

void Stream::pause(bool paused) {
  paused_ = paused;
  update();
}

void Stream::hang_up() {
  if (watched_) loop_.forget(fd_.get());
  watched_ = false;
  pending_ = {};
  owner_.on_hangup(*this);
}

// False when the other end is gone.
bool Stream::write_some() {
  while (!pending_.empty()) {
    const long count = sys::raw::call(SYS_write, fd_.get(), pending_.data(), pending_.size());
    if (count == -EINTR) continue;
    if (count == -EAGAIN) return true;
    if (count <= 0) return false;
    pending_.erase(0, static_cast<std::size_t>(count));
  }
  pending_ = {};
  return true;
}

void Stream::send(std::string_view data) {
  if (!watched_) return;
  pending_ += data;
  if (write_some()) return update();
  hang_up();
}

void Stream::read_some() {
  char buffer[kChunk];
  const long count = sys::raw::call(SYS_read, fd_.get(), buffer, sizeof buffer);
  if (count == -EAGAIN || count == -EINTR) return;
  if (count <= 0) return hang_up();
  owner_.on_input(*this, {buffer, static_cast<std::size_t>(count)});
}

void Stream::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    if (!write_some()) return hang_up();
    update();
    if (pending_.empty()) return owner_.on_drained(*this);
  }
  // The owner may destroy this stream in a call-back, so each branch returns.
  if ((events & EPOLLIN) != 0 && !paused_) return read_some();
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) hang_up();
}

}  // namespace berth::monitor
