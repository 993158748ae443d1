// Runs in: a program that links libberth.
#include <poll.h>
#include <berth/events.hpp>

#include <algorithm>
#include <deque>

#include "api/boundary.hpp"
#include "runtime/monitord_client.hpp"
#include "runtime/own_library.hpp"
#include "sys/socket.hpp"

namespace berth::api {
inline namespace v0 {

struct Events::Impl {
  runtime::MonitordClient client;
  std::vector<std::string> names;  // empty = all
  std::deque<Event> ready;

  [[nodiscard]] bool wants(const std::string& name) const {
    return names.empty() || std::ranges::find(names, name) != names.end();
  }
  void take(const runtime::StateMessage& message);
  berth::Status receive();
  berth::Result<bool> readable(int milliseconds) const;
};

void Events::Impl::take(const runtime::StateMessage& message) {
  std::string name(message.name, ::strnlen(message.name, sizeof(message.name)));
  if (!wants(name)) return;
  if (message.type == static_cast<std::int32_t>(runtime::MessageType::kExitCode)) {
    ready.push_back({std::move(name), ExitStatus(message.value)});
  } else if (message.type == static_cast<std::int32_t>(runtime::MessageType::kState) && message.value >= 0 &&
             message.value < runtime::kStates) {
    ready.push_back({std::move(name), static_cast<State>(message.value)});
  }
}

berth::Status Events::Impl::receive() {
  for (const auto& message : TRY(client.receive())) take(message);
  return {};
}

berth::Result<bool> Events::Impl::readable(int milliseconds) const {
  pollfd entry{client.fd(), POLLIN, 0};
  return TRY(sys::poll(std::span(&entry, 1), milliseconds)) > 0;
}

}  // namespace v0

namespace {

using Clock = std::chrono::steady_clock;

// Rounded up, so that what waits doesn't spin at the end.
int left_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 1'000'000'000));
}

Event pop(std::deque<Event>& ready) {
  Event event = std::move(ready.front());
  ready.pop_front();
  return event;
}

Clock::time_point end_of(std::chrono::milliseconds timeout) {
  constexpr std::chrono::milliseconds kMost(1'000'000'000);
  return Clock::now() + std::clamp(timeout, std::chrono::milliseconds(0), kMost);
}

}  // namespace

inline namespace v0 {

Events::Events(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Events::Events(Events&&) noexcept = default;
Events& Events::operator=(Events&&) noexcept = default;
Events::~Events() = default;

Result<Events> Events::subscribe(const std::string& lxcpath, std::vector<std::string> names) {
  return bordered([&]() -> berth::Result<Events> {
    auto client = TRY(runtime::MonitordClient::open(TRY(runtime::resolve_lxcpath(lxcpath))));
    return Events(std::make_unique<Impl>(Impl{std::move(client), std::move(names), {}}));
  });
}

int Events::descriptor() const noexcept { return impl_ ? impl_->client.fd() : -1; }

Result<Event> Events::next() {
  return bordered([&]() -> berth::Result<Event> {
    if (!impl_) return berth::fail(moved_from());
    while (impl_->ready.empty()) TRY(impl_->receive());
    return pop(impl_->ready);
  });
}

Result<std::optional<Event>> Events::next(std::chrono::milliseconds timeout) {
  return bordered([&]() -> berth::Result<std::optional<Event>> {
    if (!impl_) return berth::fail(moved_from());
    const auto end = end_of(timeout);
    while (impl_->ready.empty()) {
      if (!TRY(impl_->readable(left_until(end)))) return std::nullopt;
      TRY(impl_->receive());
    }
    return pop(impl_->ready);
  });
}

}  // namespace v0
}  // namespace berth::api
