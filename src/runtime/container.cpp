// Runs in: host commands.
#include "runtime/container.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/strings.hpp"
#include "config/parser.hpp"
#include "runtime/deadline.hpp"
#include "runtime/freezer.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

constexpr int kPollFirst = 10;  // ms; doubled up to
constexpr int kPollLargest = 250;

Status check_name(const std::string& name) {
  const auto refuse = [&](std::string_view why) {
    return fail(Error::message(strings::cat("'", name, "' cannot be the name of a container")).because(why));
  };
  if (name.empty()) return refuse("it is empty");
  if (name == "." || name == "..") return refuse("it stands for a directory");
  if (name.size() > NAME_MAX) {
    return fail(Error::message(strings::cat("the name is too long: ", name.size(), " bytes"), ENAMETOOLONG)
                    .because(strings::cat("a file name holds ", NAME_MAX, " bytes"))
                    .hint("choose a shorter name"));
  }
  for (const char c : name) {
    if (c == '/') return refuse("it contains '/'");
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return refuse("it contains a control character");
  }
  return {};
}

// What the file says now, as with LXC, else the configuration that the container was started with; 0 where none says anything.
int configured_signal(const Container& container, std::string_view key, int config::SignalConf::* member) {
  if (const auto conf = container.load(); conf && conf->signals.*member != 0) return conf->signals.*member;
  const auto text = container.client().config_item(std::string(key));
  if (!text) return 0;
  return strings::parse_number<int>(strings::trim(*text)).value_or(0);
}

bool takes_signal(pid_t process, int signal) {
  const auto status = sys::read_file(strings::cat("/proc/", process, "/status"));
  if (!status) return false;
  for (const std::string_view line : strings::split(*status, '\n')) {
    if (!line.starts_with("SigBlk:") && !line.starts_with("SigCgt:")) continue;
    const auto mask = strings::parse_number<std::uint64_t>(strings::trim(line.substr(7)), 16);
    if (mask && (*mask >> (signal - 1) & 1) != 0) return true;
  }
  return false;
}

// systemd's halt signal, where init waits for it (it blocks what it reads by signalfd) or handles it; else SIGPWR as sysvinit,
// OpenRC and upstart know it.
int default_halt_signal(pid_t init) { return takes_signal(init, SIGRTMIN + 3) ? SIGRTMIN + 3 : SIGPWR; }

// The kernel drops a signal that a first process has no handler for. One that was started a moment ago has not got so far.
void await_handler(pid_t init, int signal, const Deadline& deadline) {
  constexpr int kMostLooks = 200, kPause = 5;  // ms: a second in all
  for (int look = 0; look < kMostLooks && !takes_signal(init, signal); ++look) {
    if (!pause_until(deadline, kPause)) return;
  }
}

// Monitors before LXC 4.0 do not know get_init_pidfd.
Result<Fd> pidfd_of_init(const CommandClient& client) {
  auto pidfd = client.init_pidfd();
  if (pidfd || pidfd.error().code() == ECONNREFUSED || pidfd.error().code() == EPERM) return pidfd;
  const pid_t pid = TRY(client.init_pid());
  Fd opened = TRY(sys::open_pidfd(pid));
  // The monitor still names it, so the number was not reused between the two calls.
  if (TRY(client.init_pid()) != pid) return fail("the container's init changed meanwhile", EAGAIN);
  return opened;
}

bool not_running(const Error& error) { return error.code() == ECONNREFUSED; }

enum class Waited { kReached, kClosed, kTimedOut };

// Reads state messages until one of `wanted` or the end.
Result<Waited> await_message(const Fd& connection, const bool (&wanted)[kStates], const Deadline& deadline) {
  for (;;) {
    if (!TRY(wait_readable(connection.get(), deadline))) return Waited::kTimedOut;
    StateMessage message{};
    const auto received = sys::receive(connection.get(), std::as_writable_bytes(std::span(&message, 1)), MSG_WAITALL);
    if (!received || received->bytes < sizeof message) return Waited::kClosed;
    const std::int32_t value = message.value;
    if (message.type == 0 && value >= 0 && value < kStates && wanted[value]) return Waited::kReached;
  }
}

// After the end of a connection: waits until nobody listens on the socket, which proves that the monitor is done.
Result<bool> await_unreachable(const CommandClient& client, const Deadline& deadline) {
  for (int pause = 1; TRY(client.reachable()); pause = std::min(pause * 2, kPollLargest)) {
    if (!pause_until(deadline, pause)) return false;
  }
  return true;
}

void want(bool (&wanted)[kStates], State state) { wanted[static_cast<int>(state)] = true; }

Status freeze_or_thaw(const CommandClient& client, bool freeze) {
  const auto done = freeze ? client.freeze(-1) : client.unfreeze(-1);
  if (done) return {};
  const int code = done.error().code();
  if (code == ECONNREFUSED || code == EPERM || code == EACCES || code == ETIMEDOUT) return fail(done.error());
  return freeze ? freeze_by_file(client) : unfreeze_by_file(client);
}

}  // namespace

Result<Container> Container::open(std::string name, std::string lxcpath) {
  TRY(check_name(name));
  if (!lxcpath.starts_with('/')) {
    return fail(Error::message(strings::cat("lxcpath is not absolute: '", lxcpath, "'"))
                    .hint("give -P (--lxcpath) a path that begins with '/'"));
  }
  while (lxcpath.size() > 1 && lxcpath.ends_with('/')) lxcpath.pop_back();
  return Container(std::move(name), std::move(lxcpath));
}

CommandClient Container::client() const {
  CommandClient client(lxcpath_, name_);
  client.set_timeout(timeout_);
  return client;
}

bool Container::defined() const { return sys::exists(config_file()); }

Result<config::Conf> Container::load() const {
  config::Conf conf;
  TRY(config::load_file(conf, config_file()));
  return conf;
}

Result<bool> Container::kill() const {
  const auto connection = client().stop();
  if (!connection && not_running(connection.error())) return false;
  if (!connection) return fail(connection.error());
  CommandResponse answer{};  // a refusal; success is the end of the connection
  const auto received = sys::receive(connection->get(), std::as_writable_bytes(std::span(&answer, 1)), MSG_WAITALL);
  if (received && received->bytes == sizeof answer && answer.result < 0) {
    return fail(Error::from_errno(-answer.result, "stop", strings::cat("monitor of ", directory())).context("cannot kill"));
  }
  TRY(await_unreachable(client(), Deadline::never()));
  return true;
}

Result<bool> Container::shutdown(int timeout) const {
  const CommandClient commands = client();
  const Deadline deadline = Deadline::in_seconds(timeout);
  const auto pidfd = pidfd_of_init(commands);
  if (!pidfd && not_running(pidfd.error())) return true;
  if (!pidfd) return fail(pidfd.error());
  const auto init = commands.init_pid();
  if (!init && not_running(init.error())) return true;
  if (!init) return fail(init.error());
  int signal = configured_signal(*this, "lxc.signal.halt", &config::SignalConf::halt);
  if (signal == 0) signal = default_halt_signal(*init);
  // Subscribed before the signal, so that no state is missed.
  bool wanted[kStates] = {};
  want(wanted, State::kStopped);
  const auto subscription = commands.add_state_client(wanted);
  if (!subscription && not_running(subscription.error())) return true;
  if (!subscription) return fail(subscription.error());
  if (timeout != 0) await_handler(*init, signal, deadline);
  const auto sent = sys::send_signal(pidfd->get(), signal);
  // Init that is gone already is what was wanted: its monitor cleans up.
  if (!sent && sent.error().code() != ESRCH) return fail(Error(sent.error()).context("sending the halt signal"));
  if (const auto now = state(); now && *now == State::kFrozen) {
    const auto thawed = unfreeze();
    if (!thawed && !not_running(thawed.error()))
      return fail(Error(thawed.error()).context("thawing the container, so that it halts"));
  }
  if (timeout == 0) return true;
  if (TRY(await_message(subscription->connection, wanted, deadline)) == Waited::kTimedOut) return false;
  return await_unreachable(commands, deadline);
}

Result<bool> Container::reboot(int timeout) const {
  const CommandClient commands = client();
  const Fd pidfd = TRY(pidfd_of_init(commands));
  const int configured = configured_signal(*this, "lxc.signal.reboot", &config::SignalConf::reboot);
  const auto subscription = TRY(commands.add_reboot_client());
  TRY_CONTEXT(sys::send_signal(pidfd.get(), configured != 0 ? configured : SIGINT), "sending the reboot signal");
  if (timeout == 0) return true;
  bool wanted[kStates] = {};
  want(wanted, State::kRunning);
  const Waited waited = TRY(await_message(subscription.connection, wanted, Deadline::in_seconds(timeout)));
  if (waited == Waited::kClosed) return fail("the container stopped instead of rebooting", ECANCELED);
  return waited == Waited::kReached;
}

Status Container::freeze() const { return freeze_or_thaw(client(), true); }
Status Container::unfreeze() const { return freeze_or_thaw(client(), false); }

Result<bool> Container::wait(const std::vector<State>& states, int timeout) const {
  const CommandClient commands = client();
  const Deadline deadline = Deadline::in_seconds(timeout);
  bool wanted[kStates] = {};
  for (const State state : states) want(wanted, state);
  int pause = kPollFirst;
  for (;;) {
    const auto subscription = commands.add_state_client(wanted);
    if (!subscription && !not_running(subscription.error())) return fail(subscription.error());
    if (subscription) {
      if (subscription->current) return true;
      const Waited waited = TRY(await_message(subscription->connection, wanted, deadline));
      if (waited == Waited::kReached) return true;
      if (waited == Waited::kTimedOut) return false;
      pause = kPollFirst;
      continue;  // the monitor ended: STOPPED, or it comes again
    }
    if (wanted[static_cast<int>(State::kStopped)]) return true;
    if (!pause_until(deadline, pause)) return false;
    pause = std::min(pause * 2, kPollLargest);
  }
}

}  // namespace berth::runtime
