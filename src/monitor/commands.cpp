// Runs in: the monitor.
#include "monitor/commands.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/strings.hpp"
#include "monitor/device_rules.hpp"
#include "monitor/seccomp_proxy.hpp"
#include "sys/file.hpp"

namespace berth::monitor {

using runtime::Command;
using runtime::State;

std::string_view config_item(const child::BlobView& blob, std::string_view key) {
  const child::StringList items = blob.list(blob.settings().config_items);
  for (std::uint32_t i = 0; i + 1 < items.size(); i += 2) {
    if (key == items[i] && items[i + 1][0] != '\0') return items[i + 1];
  }
  return {};
}

Commands::Commands(const child::BlobView& blob, Loop& loop, Container& container, Console& console, Freezer& freezer,
                   Control& control)
    : blob_(blob),
      loop_(loop),
      container_(container),
      console_(console),
      freezer_(freezer),
      control_(control),
      freezer_timer_([this] { poll_freezer(); }) {}

Reply Commands::on_command(const Request& request) { return dispatch(request); }

Reply Commands::dispatch(const Request& request) {
  const child::MonitorSettings& settings = blob_.settings();
  switch (request.command) {
    case Command::kGetTtyFd:
      return get_tty(request);
    case Command::kTerminalWinch:
      return window_changed();
    case Command::kStop:
      return stop();
    case Command::kGetState:
      return get_state();
    case Command::kGetInitPid:
      return Reply::number(static_cast<std::uint64_t>(container_.init_pid));
    case Command::kGetCloneFlags:
      return Reply::number(settings.clone_flags);
    case Command::kGetCgroup:
      return get_cgroup(request.data, false);
    case Command::kGetLimitCgroup:
      return get_cgroup(request.data, true);
    case Command::kGetConfigItem:
      return get_config_item(request.data);
    case Command::kGetName:
      return Reply::text(blob_.text(settings.name));
    case Command::kGetLxcpath:
      return Reply::text(blob_.text(settings.lxcpath));
    case Command::kAddStateClient:
      return add_state_client(request);
    case Command::kConsoleLog:
      return console_log(request);
    case Command::kServeStateClients:
      return serve_state_clients(request);
    case Command::kFreeze:
      return change_freezer(request, true);
    case Command::kUnfreeze:
      return change_freezer(request, false);
    case Command::kGetCgroup2Fd:
      return get_unified_descriptor(false);
    case Command::kGetLimitCgroup2Fd:
      return get_unified_descriptor(true);
    case Command::kGetInitPidfd:
      return init_pidfd();
    case Command::kGetDevptsFd:
      return container_.devpts ? Reply::descriptor(container_.devpts.get()) : Reply::error(EBADF);
    case Command::kGetCgroupCtx:
      return get_cgroup_context(request);
    case Command::kGetCgroupFd:
      return get_cgroup_descriptor(request, false);
    case Command::kGetLimitCgroupFd:
      return get_cgroup_descriptor(request, true);
    case Command::kAddBpfDeviceCgroup:
      return add_device_rule(request);
    case Command::kSeccompNotifyAddListener:
      return add_seccomp_listener(request);
    case Command::kGetSeccompNotifyFd:
      return get_seccomp_listener();
    case Command::kGetSystemdScope:
      return Reply::error(EINVAL);  // LXC's word for a container that has no scope of its own, and ours never have
  }
  return Reply::error(ENOSYS);  // tells a newer client that this monitor is older
}

void Commands::on_disconnect(Connection& connection) {
  console_.release(&connection);
  std::erase_if(freezing_, [&connection](const Waiter& waiter) { return waiter.connection == &connection; });
}

// A thawed container runs.
Reply Commands::get_state() const {
  const State state = container_.state == State::kThawed ? State::kRunning : container_.state;
  const auto init = static_cast<std::uint64_t>(container_.init_pid > 0 ? container_.init_pid : 0);
  return Reply::number(init << runtime::kInitPidShift | static_cast<std::uint64_t>(state));
}

Reply Commands::get_tty(const Request& request) {
  const auto number = static_cast<std::int32_t>(request.argument);
  const auto lease = console_.lease(number, &request.connection);
  if (!lease) return Reply::error(lease.error().code());
  Reply reply = Reply::descriptor(lease->fd, static_cast<std::uint64_t>(lease->number));
  reply.then = Reply::Then::kKeep;
  return reply;
}

Reply Commands::get_seccomp_listener() const {
  const int listener = seccomp_ == nullptr ? -1 : seccomp_->listener();
  if (listener >= 0 && seccomp_->receives()) return Reply::error(EBUSY);
  return listener < 0 ? Reply::error(EBADF) : Reply::descriptor(listener);
}

Reply Commands::add_seccomp_listener(const Request& request) {
  if (seccomp_ == nullptr || request.descriptor == nullptr || !*request.descriptor || !alive()) return Reply::error(EINVAL);
  const auto added = seccomp_->add(std::move(*request.descriptor));
  return added ? Reply{} : Reply::error(added.error().code());
}

Reply Commands::window_changed() {
  console_.resize();
  return {};
}

Reply Commands::stop() {
  if (auto stopped = control_.stop(); !stopped) return Reply::error(stopped.error().code());
  Reply reply;
  reply.then = Reply::Then::kSilent;
  return reply;
}

Reply Commands::init_pidfd() const {
  return container_.init_pidfd ? Reply::descriptor(container_.init_pidfd.get()) : Reply::error(ESRCH);
}

Reply Commands::add_device_rule(const Request& request) {
  runtime::DeviceRuleRequest wish{};
  if (request.data.size() != sizeof wish) return Reply::error(EINVAL);
  std::memcpy(&wish, request.data.data(), sizeof wish);
  const auto rule = parse_device_request(wish);
  if (!rule) return Reply::error(EINVAL);
  if (!alive()) return Reply::error(ESRCH);
  // The start is still to set the configuration's own rules, beside which a program of ours would stay for ever.
  if (container_.state == State::kStarting) return Reply::error(EAGAIN);
  const auto changed = control_.add_device_rule(*rule);
  return changed ? Reply::number(*changed) : Reply::error(changed.error().code());
}

namespace {

// The text of a request, when it ends in its only NUL.
bool is_text(std::string_view data) { return !data.empty() && data.find('\0') == data.size() - 1; }

}  // namespace

Reply Commands::get_config_item(std::string_view data) const {
  if (!is_text(data)) return Reply::error(EINVAL);
  const std::string_view value = config_item(blob_, data.data());
  return value.empty() ? Reply::error(EPERM) : Reply::text(value);  // -1 is what LXC answers for a key without a value
}

Reply Commands::add_state_client(const Request& request) {
  std::array<std::int32_t, runtime::kStates> wanted{};
  if (request.data.size() != sizeof wanted) return Reply::error(EINVAL);
  std::memcpy(wanted.data(), request.data.data(), sizeof wanted);
  const bool any = std::any_of(wanted.begin(), wanted.end(), [](std::int32_t value) { return value != 0; });
  if (!any) return Reply::error(EINVAL);
  const auto current = static_cast<std::size_t>(container_.state);
  Reply reply;
  if (wanted[current] == runtime::kStateWanted) {
    reply.result = static_cast<std::int32_t>(current);
    reply.value = current;
    return reply;
  }
  server_->subscribe(request.connection, wanted);
  reply.result = runtime::kStates;
  reply.value = runtime::kStates;
  reply.then = Reply::Then::kKeep;
  return reply;
}

Reply Commands::console_log(const Request& request) {
  runtime::ConsoleLogRequest wish{};
  if (request.data.size() != sizeof wish) return Reply::error(EINVAL);
  // The flags are read as bytes: a peer may send values that are no bool.
  const auto flag = [&request](std::size_t offset) { return request.data[offset] != 0; };
  std::memcpy(&wish.read_max, request.data.data() + offsetof(runtime::ConsoleLogRequest, read_max), sizeof wish.read_max);
  const RingBuffer& history = console_.history();
  if (history.capacity() == 0) return Reply::error(EFAULT);
  Reply reply;
  if (flag(offsetof(runtime::ConsoleLogRequest, read))) {
    if (history.used() == 0) return Reply::error(ENODATA);
    reply.data = history.read(wish.read_max);
  }
  if (flag(offsetof(runtime::ConsoleLogRequest, write_logfile))) {
    if (auto dumped = console_.dump_history(); !dumped) return Reply::error(dumped.error().code());
  }
  if (flag(offsetof(runtime::ConsoleLogRequest, clear))) console_.clear_history();
  return reply;
}

// Clients of LXC freeze a container of cgroup v1 themselves and tell the monitor of the states on the way.
Reply Commands::serve_state_clients(const Request& request) {
  const auto state = static_cast<State>(request.argument);
  const bool known = state == State::kFreezing || state == State::kFrozen || state == State::kThawed || state == State::kRunning;
  const State now = container_.state;
  const bool lives = now == State::kRunning || now == State::kFreezing || now == State::kFrozen || now == State::kThawed;
  if (!known || !lives) return Reply::error(EINVAL);
  control_.take_state(state);
  return {};
}

}  // namespace berth::monitor
