// What happens to the containers of one lxcpath, as it happens: what lxc-monitor shows.
#pragma once

#include <berth/process.hpp>
#include <berth/result.hpp>
#include <berth/state.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace berth::api {
inline namespace v0 {

struct Event {
  std::string container{};
  std::variant<State, ExitStatus> what{};  // a state it is in from now on; or how its init has ended

  [[nodiscard]] const State* state() const noexcept { return std::get_if<State>(&what); }
  [[nodiscard]] const ExitStatus* exit() const noexcept { return std::get_if<ExitStatus>(&what); }
};

// Move-only; for one thread at a time. Served by lxc-monitord, LXC's or berth's own, which is started where none runs and ends by
// itself some time after its last client. Containers that LXC runs are seen too.
class [[nodiscard]] Events {
 public:
  // Empty lxcpath: the configured one. No names: all containers. What happens after this has returned is seen.
  [[nodiscard]] BERTH_API static Result<Events> subscribe(const std::string& lxcpath = {}, std::vector<std::string> names = {});
  BERTH_API Events(Events&&) noexcept;
  BERTH_API Events& operator=(Events&&) noexcept;
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  BERTH_API ~Events();

  // Readable when something has come, for poll(2) and the like. Then call next(0ms) until it has nothing more: several events can
  // come at once, and those that were read are not announced by the descriptor again.
  [[nodiscard]] BERTH_API int descriptor() const noexcept;
  // Waits for it. Error: lxc-monitord has gone.
  [[nodiscard]] BERTH_API Result<Event> next();
  // Nothing: none has come in that time.
  [[nodiscard]] BERTH_API Result<std::optional<Event>> next(std::chrono::milliseconds timeout);

  struct Impl;  // the library's own
  explicit Events(std::unique_ptr<Impl> impl) noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace berth::api
