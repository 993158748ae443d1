// Runs in: a program that links libberth.
#include <cerrno>

#include "api/config_impl.hpp"
#include "api/container_impl.hpp"

namespace berth::api {
namespace {

static_assert(static_cast<int>(State::kThawed) == static_cast<int>(runtime::State::kThawed));

runtime::StartRequest request_from(const StartOptions& options) {
  runtime::StartRequest request;
  request.foreground = options.foreground;
  request.command = options.command;
  request.with_init = options.with_init;
  request.pid_file = options.pid_file;
  request.console_path = options.console_path;
  request.console_log = options.console_log;
  request.defines = options.set;
  if (options.config != nullptr) request.configuration = &options.config->impl().conf;
  request.program = "libberth";
  return request;
}

// What the runtime counts seconds in; negative = for ever.
int seconds_of(std::chrono::seconds timeout) {
  constexpr std::chrono::seconds kMost(1'000'000'000);
  return timeout.count() < 0 ? -1 : static_cast<int>(std::min(timeout, kMost).count());
}

bool is(berth::Result<runtime::State> now, runtime::State state) { return now && *now == state; }

berth::Error not_running(const runtime::Container& container) {
  return berth::Error::message("container '" + container.name() + "' is not running", ECONNREFUSED).hint("start it first");
}

berth::Status check_running(const runtime::Container& container) {
  if (TRY(container.state()) == runtime::State::kStopped) return berth::fail(not_running(container));
  return {};
}

}  // namespace

inline namespace v0 {

std::string_view to_string(State state) noexcept { return runtime::state_name(static_cast<runtime::State>(state)); }

std::optional<State> parse_state(std::string_view name) noexcept {
  const auto state = runtime::parse_state(name);
  return state ? std::optional(static_cast<State>(*state)) : std::nullopt;
}

Result<State> Container::state() const {
  return with(impl_, [](const auto& c) -> berth::Result<State> { return static_cast<State>(TRY(c.state())); });
}

Result<bool> Container::running() const {
  return with(impl_, [](const auto& c) -> berth::Result<bool> { return TRY(c.state()) != runtime::State::kStopped; });
}

Result<pid_t> Container::init_pid() const {
  return with(impl_, [](const auto& c) -> berth::Result<pid_t> { return c.client().init_pid(); });
}

Result<Descriptor> Container::init_pidfd() const {
  return with(impl_, [](const auto& c) -> berth::Result<Descriptor> { return handed_over(TRY(c.client().init_pidfd())); });
}

Result<Started> Container::start(const StartOptions& options) const {
  return with(impl_, [&](const auto& c) -> berth::Result<Started> {
    auto outcome = TRY(c.start(request_from(options)));
    if (outcome.already_running) {
      return berth::fail(berth::Error::message("container '" + c.name() + "' is running already", EBUSY).hint("stop it first"));
    }
    return Started{outcome.init_pid, ExitStatus(outcome.exit_status), std::move(outcome.warnings)};
  });
}

Result<bool> Container::stop() const {
  return with(impl_, [](const auto& c) -> berth::Result<bool> { return c.kill(); });
}

Result<bool> Container::shutdown(std::chrono::seconds timeout) const {
  return with(impl_, [&](const auto& c) -> berth::Result<bool> { return c.shutdown(seconds_of(timeout)); });
}

Result<bool> Container::reboot(std::chrono::seconds timeout) const {
  return with(impl_, [&](const auto& c) -> berth::Result<bool> {
    TRY(check_running(c));
    return c.reboot(seconds_of(timeout));
  });
}

Status Container::freeze() const {
  return with(impl_, [](const auto& c) -> berth::Status {
    TRY(check_running(c));
    return is(c.state(), runtime::State::kFrozen) ? berth::Status() : c.freeze();
  });
}

Status Container::unfreeze() const {
  return with(impl_, [](const auto& c) -> berth::Status {
    TRY(check_running(c));
    const bool frozen = is(c.state(), runtime::State::kFrozen) || is(c.state(), runtime::State::kFreezing);
    return frozen ? c.unfreeze() : berth::Status();
  });
}

Result<bool> Container::wait(const std::vector<State>& states, std::chrono::seconds timeout) const {
  return with(impl_, [&](const auto& c) -> berth::Result<bool> {
    std::vector<runtime::State> wanted;
    for (const State one : states) wanted.push_back(static_cast<runtime::State>(one));
    if (wanted.empty()) return berth::fail("no state to wait for was given");
    return c.wait(wanted, seconds_of(timeout));
  });
}

}  // namespace v0
}  // namespace berth::api
