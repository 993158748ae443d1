// Runs in: host commands.
#include "runtime/command_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/strings.hpp"
#include "runtime/announcer.hpp"
#include "runtime/monitord_protocol.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

// More than any ring buffer that a configuration can ask for in practice; a larger announcement is a broken peer.
constexpr std::int32_t kConsoleLogMax = 256 << 20;

std::string_view command_name(Command command) {
  constexpr std::string_view kNames[] = {"get_tty_fd",
                                         "terminal_winch",
                                         "stop",
                                         "get_state",
                                         "get_init_pid",
                                         "get_clone_flags",
                                         "get_cgroup",
                                         "get_config_item",
                                         "get_name",
                                         "get_lxcpath",
                                         "add_state_client",
                                         "console_log",
                                         "serve_state_clients",
                                         "seccomp_notify_add_listener",
                                         "add_bpf_device_cgroup",
                                         "freeze",
                                         "unfreeze",
                                         "get_cgroup2_fd",
                                         "get_init_pidfd",
                                         "get_limit_cgroup",
                                         "get_limit_cgroup2_fd",
                                         "get_devpts_fd",
                                         "get_seccomp_notify_fd",
                                         "get_cgroup_ctx",
                                         "get_cgroup_fd",
                                         "get_limit_cgroup_fd",
                                         "get_systemd_scope"};
  const auto index = static_cast<std::size_t>(command);
  return index < std::size(kNames) ? kNames[index] : std::string_view("command");
}

// A stream may deliver a structure in parts; descriptors come with the first.
Result<std::size_t> receive_fully(int fd, std::span<std::byte> buffer, std::vector<Fd>* descriptors) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    sys::Received part = TRY(sys::receive(fd, buffer.subspan(filled)));
    if (descriptors != nullptr) {
      for (Fd& descriptor : part.descriptors) descriptors->push_back(std::move(descriptor));
    }
    if (part.bytes == 0) break;
    filled += part.bytes;
  }
  return filled;
}

std::span<const std::byte> bytes_of(const void* data, std::size_t size) { return {static_cast<const std::byte*>(data), size}; }

std::int64_t wide_scalar_of(const CommandResponse& response) { return reinterpret_cast<std::intptr_t>(response.data); }
std::int32_t scalar_of(const CommandResponse& response) { return static_cast<std::int32_t>(wide_scalar_of(response)); }

Status send_request(int fd, Command command, std::int64_t scalar, std::span<const std::byte> data) {
  CommandRequest request{};
  request.command = static_cast<std::int32_t>(command);
  request.data_length = static_cast<std::int32_t>(data.size());
  request.data = reinterpret_cast<const void*>(static_cast<std::intptr_t>(scalar));
  TRY(sys::send(fd, bytes_of(&request, sizeof request), {}, true));
  if (!data.empty()) TRY(sys::send(fd, data));
  return {};
}

bool connection_lost(const Error& error) { return error.code() == ECONNRESET || error.code() == EPIPE; }

}  // namespace

struct CommandClient::Reply {
  CommandResponse header{};
  std::string data;
  std::vector<Fd> descriptors;
  Fd connection;
  bool closed = false;  // the monitor closed instead of answering
};

CommandClient::CommandClient(std::string lxcpath, std::string name)
    : lxcpath_(std::move(lxcpath)), name_(std::move(name)), address_(command_socket_name(lxcpath_, name_)) {}

CommandClient CommandClient::at_address(std::string address) {
  CommandClient client({}, address);
  client.address_ = std::move(address);
  return client;
}

namespace {

// A path that is put behind a hierarchy's must not lead out of it again, whoever the monitor belongs to.
Result<std::string> inside_hierarchy(Result<std::string> path) {
  if (!path) return path;
  const auto parts = strings::split(*path, '/');
  if (std::ranges::find(parts, "..") == parts.end()) return path;
  return fail(Error::message(strings::cat("the monitor names a control group outside its hierarchy: ", *path), EPROTO));
}

}  // namespace

Error CommandClient::not_running() const {
  return Error::message(strings::cat("container ", name_, " is not running"), ECONNREFUSED);
}

Error CommandClient::silent() const {
  return Error::message(strings::cat("the monitor of ", name_, " did not answer within ", timeout_, " s"), ETIMEDOUT)
      .hint("it is stopped or overloaded; look for the process '[lxc monitor] ... " + name_ + "', or allow more time");
}

Error CommandClient::refused(Command command, int code) const {
  Error error = Error::from_errno(code, command_name(command), strings::cat("monitor of ", lxcpath_, '/', name_));
  if (code == EPERM || code == EACCES) {
    error = std::move(error)
                .context("not allowed to ask the container's monitor")
                .because("the monitor obeys root and the user that started the container only")
                .hint("run the command as that user, or as root");
  }
  return error;
}

Result<Fd> CommandClient::connect() const {
  Fd connection = TRY(sys::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (timeout_ > 0) TRY(sys::set_time_limits(connection.get(), timeout_));
  if (auto connected = sys::connect_abstract(connection.get(), address_); !connected) {
    if (connected.error().code() == EAGAIN && timeout_ > 0) return fail(silent());
    if (connected.error().code() == ECONNREFUSED) return fail(not_running());
    return fail(std::move(connected.error()).context("reaching the monitor"));
  }
  TRY(check_owner(connection.get()));
  return connection;
}

// Abstract addresses are anybody's to take while the container does not run. What answers must be root's, the caller's own, or
// that of the user whose container it is.
Status CommandClient::check_owner(int connection) const {
  const ucred peer = TRY(sys::peer_credentials(connection));
  if (peer.uid == 0 || peer.uid == sys::effective_uid()) return {};
  const auto directory = lxcpath_.empty() ? fail("unknown") : sys::stat(strings::cat(lxcpath_, '/', name_));
  if (directory && directory->st_uid == peer.uid) return {};
  return fail(Error::message(strings::cat("what answers as the monitor of ", name_, " belongs to user ", peer.uid), EPERM)
                  .because("neither root, nor you, nor the owner of the container's directory")
                  .hint(strings::cat("look at process ", peer.pid, ", and end it before you start the container")));
}

Result<CommandClient::Reply> CommandClient::ask(Command command, std::int64_t scalar, std::span<const std::byte> data) const {
  Reply reply;
  reply.connection = TRY(connect());
  // A monitor that ends just now, or that refuses us before it has read a word, resets the connection: what it said is still to
  // be read.
  const auto sent = send_request(reply.connection.get(), command, scalar, data);
  if (!sent && sent.error().code() == EAGAIN && timeout_ > 0) return fail(silent());
  if (!sent && !connection_lost(sent.error())) return fail(sent.error());
  return reply;
}

Result<CommandClient::Reply> CommandClient::answer(Command command, Reply reply) const {
  if (reply.closed) return reply;
  const auto header = std::as_writable_bytes(std::span(&reply.header, 1));
  const auto received = receive_fully(reply.connection.get(), header, &reply.descriptors);
  reply.closed = !received || *received < header.size();
  if (!received && received.error().code() == EAGAIN) return fail(silent());
  if (!received && !connection_lost(received.error())) return fail(received.error());
  if (reply.closed) return reply;
  if (reply.header.data_length != 0) reply = TRY(receive_body(command, std::move(reply)));
  if (timeout_ > 0) TRY(sys::set_time_limits(reply.connection.get(), 0));
  return reply;
}

Result<CommandClient::Reply> CommandClient::exchange(Command command, std::int64_t scalar,
                                                     std::span<const std::byte> data) const {
  return answer(command, TRY(ask(command, scalar, data)));
}

Result<CommandClient::Reply> CommandClient::receive_body(Command command, Reply reply) const {
  const std::int32_t limit = command == Command::kConsoleLog ? kConsoleLogMax : kCommandDataMax;
  const std::int32_t length = reply.header.data_length;
  if (length < 0 || length > limit) return fail(refused(command, EMSGSIZE));
  reply.data.resize(static_cast<std::size_t>(length));
  const auto body = std::as_writable_bytes(std::span(reply.data));
  const auto received = receive_fully(reply.connection.get(), body, nullptr);
  if (!received && received.error().code() == EAGAIN) return fail(silent());
  if (!received) return fail(received.error());
  if (*received < body.size()) return fail(refused(command, EPROTO));
  return reply;
}

Result<std::int64_t> CommandClient::number_of(Command command, Result<Reply> reply) const {
  if (!reply) return fail(std::move(reply.error()));
  if (reply->closed) return fail(not_running());
  if (reply->header.result < 0) return fail(refused(command, -reply->header.result));
  return wide_scalar_of(reply->header);
}

Result<std::int32_t> CommandClient::ask_number(Command command) const {
  return static_cast<std::int32_t>(TRY(number_of(command, exchange(command, 0))));
}

Result<CommandClient::Answer> CommandClient::checked(Command command, Result<Reply> reply) const {
  if (!reply) return fail(std::move(reply.error()));
  // LXC's monitors hang up on a question that they have no answer to.
  if (reply->closed) return fail(TRY(reachable()) ? refused(command, ENODATA) : not_running());
  if (reply->header.result < 0) return fail(refused(command, -reply->header.result));
  Answer result{reply->data.c_str(), Fd()};
  if (!reply->descriptors.empty()) result.descriptor = std::move(reply->descriptors.front());
  return result;
}

Result<std::string> CommandClient::ask_text(Command command, const std::string* argument) const {
  const auto data = argument == nullptr ? std::span<const std::byte>{} : bytes_of(argument->c_str(), argument->size() + 1);
  return TRY(checked(command, exchange(command, 0, data))).text;
}

std::vector<Result<CommandClient::Answer>> CommandClient::ask_all(std::span<const Question> questions) const {
  std::vector<Result<Reply>> asked;
  for (const Question& question : questions) {
    const std::string& text = question.argument;
    asked.push_back(
        ask(question.command, 0, text.empty() ? std::span<const std::byte>{} : bytes_of(text.c_str(), text.size() + 1)));
  }
  std::vector<Result<Answer>> answers;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Command command = questions[i].command;
    answers.push_back(checked(command, asked[i] ? answer(command, std::move(*asked[i])) : std::move(asked[i])));
  }
  return answers;
}

Result<CommandClient::Vitals> CommandClient::vitals_in(Result<std::int64_t> number) const {
  if (!number && number.error().code() == ECONNREFUSED) return Vitals{};
  if (!number) return fail(std::move(number.error()));
  const auto state = static_cast<std::int32_t>(*number);
  if (state < 0 || state >= kStates) return fail(refused(Command::kGetState, EPROTO));
  const auto init = static_cast<pid_t>(*number >> kInitPidShift);
  return Vitals{static_cast<State>(state), init > 0 ? std::optional(init) : std::nullopt};
}

Result<State> CommandClient::state() const {
  return TRY(vitals_in(number_of(Command::kGetState, exchange(Command::kGetState, 0)))).state;
}

std::vector<Result<CommandClient::Vitals>> CommandClient::vitals_of(std::span<const CommandClient> clients) {
  constexpr std::size_t kAhead = 64;  // connections at a time
  std::vector<Result<Reply>> asked;
  std::vector<Result<Vitals>> vitals;
  asked.reserve(clients.size());
  vitals.reserve(clients.size());
  while (vitals.size() < clients.size()) {
    const std::size_t next = vitals.size();
    while (asked.size() < std::min(next + kAhead, clients.size())) {
      asked.push_back(clients[asked.size()].ask(Command::kGetState, 0, {}));
    }
    const CommandClient& client = clients[next];
    Result<Reply> reply = std::move(asked[next]);
    if (reply) reply = client.answer(Command::kGetState, std::move(*reply));
    vitals.push_back(client.vitals_in(client.number_of(Command::kGetState, std::move(reply))));
  }
  return vitals;
}

Result<pid_t> CommandClient::init_pid() const {
  const pid_t pid = TRY(ask_number(Command::kGetInitPid));
  if (pid <= 0) return fail(not_running());
  return pid;
}

Result<Fd> CommandClient::descriptor_of(Command command, Result<Reply> reply) const {
  if (!reply) return fail(std::move(reply.error()));
  if (reply->closed) return fail(not_running());
  if (reply->header.result < 0) return fail(refused(command, -reply->header.result));
  if (reply->descriptors.empty()) return fail(refused(command, EPROTO));
  return std::move(reply->descriptors.front());
}

Result<Fd> CommandClient::init_pidfd() const {
  return descriptor_of(Command::kGetInitPidfd, exchange(Command::kGetInitPidfd, 0));
}

Result<Fd> CommandClient::devpts() const { return descriptor_of(Command::kGetDevptsFd, exchange(Command::kGetDevptsFd, 0)); }

Result<Fd> CommandClient::ask_cgroup(Command command, const std::string& controller) const {
  CgroupQuestion question{};
  if (controller.size() >= sizeof question.controller) return fail(refused(command, ENAMETOOLONG));
  question.descriptor = -EBADF;
  controller.copy(question.controller, sizeof question.controller);
  return descriptor_of(command, exchange(command, 0, bytes_of(&question, sizeof question)));
}

Result<Fd> CommandClient::cgroup_descriptor(const std::string& controller) const {
  return ask_cgroup(Command::kGetCgroupFd, controller);
}

Result<Fd> CommandClient::limit_cgroup_descriptor(const std::string& controller) const {
  return ask_cgroup(Command::kGetLimitCgroupFd, controller);
}

Result<CommandClient::CgroupDirectories> CommandClient::cgroup_descriptors() const {
  CgroupContext context{};
  Reply reply = TRY(exchange(Command::kGetCgroupCtx, 0, bytes_of(&context, sizeof context)));
  if (reply.closed) return fail(not_running());
  if (reply.header.result < 0) return fail(refused(Command::kGetCgroupCtx, -reply.header.result));
  if (reply.data.size() != sizeof context) return fail(refused(Command::kGetCgroupCtx, EPROTO));
  std::memcpy(&context, reply.data.data(), sizeof context);
  return CgroupDirectories{static_cast<CgroupLayout>(context.layout), std::move(reply.descriptors)};
}

Result<std::uint32_t> CommandClient::add_device_rule(const cgroup::DeviceRule& rule) const {
  DeviceRuleRequest request;
  std::memset(static_cast<void*>(&request), 0, sizeof request);  // the padding travels too
  request.type = rule.all ? 'a' : rule.block ? 'b' : 'c';
  request.major = rule.major ? static_cast<std::int32_t>(*rule.major) : -1;
  request.minor = rule.minor ? static_cast<std::int32_t>(*rule.minor) : -1;
  const std::string text = cgroup::rule_text(rule);
  if (!rule.all) text.substr(text.rfind(' ') + 1).copy(request.access, sizeof request.access - 1);
  request.allow = rule.allow ? 1 : 0;
  auto reply = exchange(Command::kAddBpfDeviceCgroup, 0, bytes_of(&request, sizeof request));
  return static_cast<std::uint32_t>(TRY(number_of(Command::kAddBpfDeviceCgroup, std::move(reply))));
}

Result<std::string> CommandClient::systemd_scope() const { return ask_text(Command::kGetSystemdScope); }

Result<int> CommandClient::clone_flags() const { return ask_number(Command::kGetCloneFlags); }

Result<std::string> CommandClient::cgroup(const std::string& controller) const {
  return inside_hierarchy(ask_text(Command::kGetCgroup, controller.empty() ? nullptr : &controller));
}

Result<std::string> CommandClient::limit_cgroup(const std::string& controller) const {
  return inside_hierarchy(ask_text(Command::kGetLimitCgroup, controller.empty() ? nullptr : &controller));
}

Result<std::string> CommandClient::config_item(const std::string& key) const { return ask_text(Command::kGetConfigItem, &key); }
Result<std::string> CommandClient::name() const { return ask_text(Command::kGetName); }
Result<std::string> CommandClient::lxcpath() const { return ask_text(Command::kGetLxcpath); }

Result<Fd> CommandClient::stop() const {
  Fd connection = TRY(connect());
  TRY(send_request(connection.get(), Command::kStop, 0, {}));
  if (timeout_ > 0) TRY(sys::set_time_limits(connection.get(), 0));
  return connection;
}

Status CommandClient::freeze(int timeout_seconds) const {
  const Reply reply = TRY(exchange(Command::kFreeze, timeout_seconds));
  if (reply.closed) return fail(not_running());
  if (reply.header.result < 0) return fail(refused(Command::kFreeze, -reply.header.result));
  return {};
}

Status CommandClient::unfreeze(int timeout_seconds) const {
  const Reply reply = TRY(exchange(Command::kUnfreeze, timeout_seconds));
  if (reply.closed) return fail(not_running());
  if (reply.header.result < 0) return fail(refused(Command::kUnfreeze, -reply.header.result));
  return {};
}

Result<CommandClient::Tty> CommandClient::tty(int number) const {
  Reply reply = TRY(exchange(Command::kGetTtyFd, number));
  if (reply.closed) return fail(not_running());
  // LXC's monitors refuse a taken tty with whatever errno is around.
  const bool forbidden = reply.header.result == -EPERM || reply.header.result == -EACCES;
  if (forbidden) return fail(refused(Command::kGetTtyFd, -reply.header.result));
  if (reply.header.result < 0 || reply.descriptors.empty()) {
    return fail(Error::message(number > 0 ? strings::cat("tty ", number, " is not there or in use") : "no tty is free", EBUSY)
                    .hint("lxc.tty.max says how many the container has; --tty=0 is its console"));
  }
  return Tty{scalar_of(reply.header), std::move(reply.descriptors.front()), std::move(reply.connection)};
}

Status CommandClient::window_changed() const {
  const Reply reply = TRY(exchange(Command::kTerminalWinch, 0));
  if (!reply.closed && reply.header.result < 0) return fail(refused(Command::kTerminalWinch, -reply.header.result));
  return {};
}

Result<std::string> CommandClient::console_log(bool read, bool clear, bool write_logfile, std::uint64_t maximum) const {
  ConsoleLogRequest request;
  std::memset(static_cast<void*>(&request), 0, sizeof request);  // the padding travels too
  request.clear = clear;
  request.read = read;
  request.read_max = maximum;
  request.write_logfile = write_logfile;
  Reply reply = TRY(exchange(Command::kConsoleLog, 0, bytes_of(&request, sizeof request)));
  if (reply.closed) return fail(not_running());
  if (reply.header.result < 0) return fail(refused(Command::kConsoleLog, -reply.header.result));
  return std::move(reply.data);
}

Result<CommandClient::Subscription> CommandClient::subscribe(const std::int32_t (&wanted)[kStates]) const {
  Reply reply = TRY(exchange(Command::kAddStateClient, 0, bytes_of(wanted, sizeof wanted)));
  if (reply.closed) return fail(not_running());
  const std::int32_t answer = reply.header.result;
  if (answer < 0) return fail(refused(Command::kAddStateClient, -answer));
  Subscription subscription{std::move(reply.connection), std::nullopt};
  if (answer < kStates) subscription.current = static_cast<State>(answer);
  return subscription;
}

Result<CommandClient::Subscription> CommandClient::add_state_client(const bool (&wanted)[kStates]) const {
  std::int32_t values[kStates];
  for (int i = 0; i < kStates; ++i) values[i] = wanted[i] ? kStateWanted : 0;
  return subscribe(values);
}

Result<CommandClient::Subscription> CommandClient::add_reboot_client() const {
  std::int32_t values[kStates] = {};
  values[static_cast<int>(State::kRunning)] = kStateAfterReboot;
  return subscribe(values);
}

Result<Fd> CommandClient::seccomp_notify_fd() const {
  Reply reply = TRY(exchange(Command::kGetSeccompNotifyFd, 0));
  if (reply.closed) return fail(not_running());
  if (reply.header.result < 0) return fail(refused(Command::kGetSeccompNotifyFd, -reply.header.result));
  if (reply.descriptors.empty()) return fail(refused(Command::kGetSeccompNotifyFd, EBADF));
  return std::move(reply.descriptors.front());
}

// The descriptor travels behind the request, with a byte of its own.
Status CommandClient::add_seccomp_listener(int listener) const {
  Reply reply = TRY(ask(Command::kSeccompNotifyAddListener, listener, {}));
  const std::byte carrier{0};
  const auto sent = sys::send(reply.connection.get(), std::span(&carrier, 1), std::span(&listener, 1));
  if (!sent && !connection_lost(sent.error())) return fail(sent.error());
  reply = TRY(answer(Command::kSeccompNotifyAddListener, std::move(reply)));
  if (reply.closed) return fail(not_running());
  if (reply.header.result < 0) return fail(refused(Command::kSeccompNotifyAddListener, -reply.header.result));
  return {};
}

Status CommandClient::announce(State state) const {
  const Reply reply = TRY(exchange(Command::kServeStateClients, static_cast<std::int64_t>(state)));
  if (reply.closed) return fail(not_running());
  if (reply.header.result < 0) return fail(refused(Command::kServeStateClients, -reply.header.result));
  // LXC's monitors leave this to whoever brought the state about. Mostly nobody listens.
  if (const auto fifo = monitor_fifo(lxcpath_)) {
    [[maybe_unused]] const Status ignored =
        runtime::announce(*fifo, make_message(MessageType::kState, name_, static_cast<std::int32_t>(state)));
  }
  return {};
}

Result<bool> CommandClient::reachable() const {
  const Fd fd = TRY(sys::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto connected = sys::connect_abstract(fd.get(), address_);
  if (connected) return true;
  if (connected.error().code() == ECONNREFUSED) return false;
  return fail(connected.error());
}

}  // namespace berth::runtime
