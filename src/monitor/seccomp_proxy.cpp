// Runs in: the monitor.
#include "monitor/seccomp_proxy.hpp"

#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::monitor {
namespace {

constexpr std::string_view kCategory = "seccomp";
constexpr std::size_t kMostPending = 64;  // more wait in the kernel
constexpr int kPatienceMs = 30'000;       // with the proxy; LXC's
constexpr std::size_t kLongestMessage = 16384;

// LXC's struct seccomp_notify_proxy_msg. Behind it: notification, response, cookie.
struct ProxyMessage {
  std::uint64_t reserved = 0;
  std::int32_t monitor_pid = 0, init_pid = 0;
  std::uint16_t notification_size = 0, response_size = 0, data_size = 0, padding = 0;
  std::uint64_t cookie_size = 0;
};
static_assert(sizeof(ProxyMessage) == 32);

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

SeccompProxy::SeccompProxy(const child::BlobView& blob, Loop& loop, const Container& container)
    : loop_(loop),
      container_(container),
      address_(config_item(blob, "lxc.seccomp.notify.proxy")),
      cookie_(config_item(blob, "lxc.seccomp.notify.cookie")),
      proxy_watcher_([this] { on_proxy(); }),
      timer_watcher_([this] { on_late(); }) {
  if (address_.starts_with("unix:")) address_.erase(0, 5);
}

Status SeccompProxy::start(Fd listener) {
  own_ = std::move(listener);
  if (address_.empty()) return {};
  TRY(connect());
  return add(TRY(sys::duplicate(own_.get())));
}

Status SeccompProxy::add(Fd listener) {
  if (sizes_.notification == 0) {
    const long result = sys::raw::call(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes_);
    if (result < 0) return fail(Error::from_errno(static_cast<int>(-result), "seccomp", "SECCOMP_GET_NOTIF_SIZES"));
  }
  auto added = std::make_unique<Listener>(*this, std::move(listener));
  TRY(loop_.watch(added->fd(), paused_ ? 0U : static_cast<std::uint32_t>(EPOLLIN), *added));
  listeners_.push_back(std::move(added));
  return {};
}

void SeccompProxy::stop() {
  for (const auto& listener : listeners_) loop_.forget(listener->fd());
  listeners_.clear();
  pending_.clear();
  own_.reset();
  if (timer_) loop_.forget(timer_.get());
  timer_.reset();
  paused_ = false;
  disconnect();
}

// --- the connection --------------------------------------------------------------------------------------------------------

// Without waiting: a proxy whose queue is full counts as gone.
Status SeccompProxy::connect() {
  if (proxy_) return {};
  Fd socket = TRY(sys::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0));
  const bool abstract = address_.starts_with('@');
  TRY_CONTEXT(abstract ? sys::connect_abstract(socket.get(), address_.substr(1)) : sys::connect_path(socket.get(), address_),
              "reaching the proxy of lxc.seccomp.notify.proxy");
  TRY(loop_.watch(socket.get(), EPOLLIN, proxy_watcher_));
  proxy_ = std::move(socket);
  return {};
}

// Whoever waited for an answer gets ours.
void SeccompProxy::disconnect() {
  if (proxy_) loop_.forget(proxy_.get());
  proxy_.reset();
  for (const Pending& one : pending_) refuse(*one.listener, one.id);
  pending_.clear();
  pause(false);
}

// --- from the kernel to the proxy ------------------------------------------------------------------------------------------

void SeccompProxy::on_event(Listener& listener, std::uint32_t events) {
  if ((events & EPOLLIN) != 0) return take(listener);
  drop(listener);  // no process is under that filter any more
}

void SeccompProxy::drop(const Listener& listener) {
  std::erase_if(pending_, [&](const Pending& one) { return one.listener == &listener; });
  loop_.forget(listener.fd());
  std::erase_if(listeners_, [&](const auto& one) { return one.get() == &listener; });
  pause(pending_.size() >= kMostPending);
}

void SeccompProxy::take(Listener& listener) {
  // Receiving waits for a call, whatever the descriptor's flags: what the loop saw may be gone with its process, or taken by the
  // proxy, which has the listener too.
  pollfd waiting{listener.fd(), POLLIN, 0};
  const auto ready = sys::poll(std::span(&waiting, 1), 0);
  if (!ready || *ready == 0 || (waiting.revents & POLLIN) == 0) return;
  std::string notification(sizes_.notification, '\0');
  // A process that was killed meanwhile has taken its notification along.
  if (!sys::control(listener.fd(), SECCOMP_IOCTL_NOTIF_RECV, notification.data(), "SECCOMP_IOCTL_NOTIF_RECV")) return;
  std::uint64_t id = 0;
  std::memcpy(&id, notification.data(), sizeof id);
  const Status sent = forward(listener, notification);
  if (!sent) {
    log::write(log::Level::kError, kCategory, sent.error().line());
    return refuse(listener, id);
  }
  pending_.push_back({id, &listener, now_ms() + kPatienceMs});
  arm();
  pause(pending_.size() >= kMostPending);
}

Status SeccompProxy::forward(const Listener& listener, const std::string& notification) {
  if (address_.empty()) return fail(Error::message("a call is notified, and lxc.seccomp.notify.proxy is not set"));
  TRY(connect());
  seccomp_notif head{};
  std::memcpy(&head, notification.data(), std::min(sizeof head, notification.size()));
  const std::string process = strings::cat("/proc/", head.pid);
  const Fd directory = TRY(sys::open(process, O_RDONLY | O_DIRECTORY));
  const Fd memory = TRY(sys::open(process + "/mem", O_RDWR));
  // Still that process, not one that got its number since.
  TRY(sys::control(listener.fd(), SECCOMP_IOCTL_NOTIF_ID_VALID, &head.id, "SECCOMP_IOCTL_NOTIF_ID_VALID"));
  ProxyMessage message;
  message.monitor_pid = sys::current_pid();
  message.init_pid = container_.init_pid;
  message.notification_size = sizes_.notification;
  message.response_size = sizes_.response;
  message.data_size = sizes_.data;
  message.cookie_size = cookie_.size();
  std::string out;
  append(out, message);
  out += notification;
  std::string response(sizes_.response, '\0');
  std::memcpy(response.data(), &head.id, sizeof head.id);
  out += response + cookie_;
  const int descriptors[] = {directory.get(), memory.get(), listener.fd()};
  auto sent = sys::send(proxy_.get(), std::as_bytes(std::span(out)), descriptors, false, MSG_DONTWAIT);
  if (!sent) disconnect();
  return with_context(std::move(sent), "telling the proxy of lxc.seccomp.notify.proxy");
}

// --- from the proxy to the kernel ------------------------------------------------------------------------------------------

void SeccompProxy::on_proxy() {
  std::string message(kLongestMessage, '\0');
  const auto received = sys::receive(proxy_.get(), std::as_writable_bytes(std::span(message)), MSG_DONTWAIT);
  if (!received && received.error().code() == EAGAIN) return;
  const bool understood = received && received->bytes > 0 && take_answer(std::string_view(message).substr(0, received->bytes));
  if (understood) return;
  log::write(log::Level::kError, kCategory,
             !received              ? received.error().line()
             : received->bytes == 0 ? std::string("the proxy of lxc.seccomp.notify.proxy is gone")
                                    : strings::cat("the proxy sent ", received->bytes, " bytes that are no answer"));
  disconnect();
}

bool SeccompProxy::take_answer(std::string_view message) {
  const std::size_t at = sizeof(ProxyMessage) + sizes_.notification;
  if (message.size() < at + sizes_.response) return false;
  std::string response(message.substr(at, sizes_.response));
  std::uint64_t id = 0;
  std::memcpy(&id, response.data(), sizeof id);
  const auto found = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& one) { return one.id == id; });
  if (found == pending_.end()) return true;  // too late
  const auto sent = sys::control(found->listener->fd(), SECCOMP_IOCTL_NOTIF_SEND, response.data(), "SECCOMP_IOCTL_NOTIF_SEND");
  // ENOENT: the process was killed while it waited.
  if (!sent && sent.error().code() != ENOENT) {
    log::write(log::Level::kError, kCategory, sent.error().line());
    refuse(*found->listener, id);
  }
  pending_.erase(found);
  pause(false);
  return true;
}

void SeccompProxy::refuse(const Listener& listener, std::uint64_t id) const {
  std::string response(std::max(std::size_t{sizes_.response}, sizeof(seccomp_notif_resp)), '\0');
  seccomp_notif_resp head{};
  head.id = id;
  head.error = -ENOSYS;
  std::memcpy(response.data(), &head, sizeof head);
  // Who is dead needs no answer.
  (void)sys::control(listener.fd(), SECCOMP_IOCTL_NOTIF_SEND, response.data(), "SECCOMP_IOCTL_NOTIF_SEND");
}

// --- patience --------------------------------------------------------------------------------------------------------------

void SeccompProxy::arm() {
  if (!timer_) {
    auto timer = sys::timer_fd();
    if (!timer || !loop_.watch(timer->get(), EPOLLIN, timer_watcher_)) return;
    timer_ = std::move(*timer);
  }
  const std::int64_t left = pending_.empty() ? 0 : std::max<std::int64_t>(pending_.front().deadline - now_ms(), 1);
  (void)sys::arm_timer(timer_.get(), std::chrono::milliseconds(left));
}

void SeccompProxy::on_late() {
  char count[sizeof(std::uint64_t)];
  (void)sys::read_some(timer_.get(), count, "timer");
  while (!pending_.empty() && pending_.front().deadline <= now_ms()) {
    log::write(log::Level::kError, kCategory, "the proxy of lxc.seccomp.notify.proxy did not answer in time");
    refuse(*pending_.front().listener, pending_.front().id);
    pending_.pop_front();
  }
  pause(pending_.size() >= kMostPending);
  arm();
}

void SeccompProxy::pause(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  for (const auto& listener : listeners_)
    loop_.change(listener->fd(), paused ? 0U : static_cast<std::uint32_t>(EPOLLIN), *listener);
}

}  // namespace berth::monitor
