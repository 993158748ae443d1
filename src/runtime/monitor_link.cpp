// Runs in: the starting command.
#include "runtime/monitor_link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/strings.hpp"
#include "runtime/programs.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"
#include "sys/handshake.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

Result<Fd> sealed_plan(const std::string& encoded) {
  Fd memory = TRY(sys::memfd("berth-plan", 0x3 /* MFD_CLOEXEC | MFD_ALLOW_SEALING */));
  TRY(sys::write_all(memory.get(), encoded, "the plan"));
  TRY(sys::seal(memory.get()));
  return memory;
}

// Only what its programs need: the monitor lives as long as the container, and its environment can be read in /proc.
std::vector<std::string> monitor_environment() {
  std::vector<std::string> environment;
  for (const char* name : {"PATH", "BERTH_FEATURES_OFF", "BERTH_STOP_AT", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = ::getenv(name)) environment.push_back(strings::cat(name, '=', std::string_view(value)));
  }
  return environment;
}

// The monitor's group of the unified hierarchy; an invalid Fd where there is none.
Result<Fd> open_birth_group(const plan::Plan& plan) {
  if (!sys::has(sys::Feature::kClone3) || !sys::has(sys::Feature::kCloneIntoCgroup)) return Fd{};
  const auto& paths = plan.settings.cgroup_paths;
  for (std::size_t i = 0; i + 3 < paths.size(); i += 4) {
    if (!paths[i].empty()) continue;
    for (const std::string& group : plan.settings.monitor_cgroups) {
      if (group.starts_with(paths[i + 3] + "/")) return sys::open(group, O_PATH | O_DIRECTORY);
    }
  }
  return Fd{};
}

// Which descriptors the monitor gets for 0, 1 and 2: the caller's in the foreground, else the null device.
Result<Fd> standard_descriptors(sys::Spawn& spawn, bool foreground) {
  if (foreground) {
    for (int fd = 0; fd <= 2; ++fd) spawn.descriptors.emplace_back(fd, fd);
    return Fd{};
  }
  Fd null = TRY(sys::open("/dev/null", O_RDWR));
  for (int fd = 0; fd <= 2; ++fd) spawn.descriptors.emplace_back(null.get(), fd);
  return null;
}

bool needs_init_program(const plan::Plan& plan) {
  for (const plan::PlannedStep& step : plan.steps) {
    if (step.op == child::Op::kExec && step.num[0] == kFirstProgramSlot) return true;
  }
  return false;
}

sigset_t forwarded_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPWR}) ::sigaddset(&set, signal);
  return set;
}

Error died_without_a_word() {
  return Error::message("the monitor died before the container ran", EPIPE)
      .because("it was killed, or its program is damaged")
      .hint("start it again; what is left of this start is cleaned up then");
}

}  // namespace

Result<MonitorLink> MonitorLink::launch(const plan::Plan& plan, const std::string& encoded, const StartRequest& request) {
  const Fd program = TRY(open_helper("berth-monitor"));
  const Fd memory = TRY(sealed_plan(encoded));
  const sys::HandshakeWindow window;
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  const Fd group = TRY(open_birth_group(plan));
  sys::Spawn spawn;
  spawn.program_fd = program.get();
  spawn.arguments = {strings::cat("[lxc monitor] ", plan.settings.lxcpath, " ", plan.settings.name)};
  spawn.environment = monitor_environment();
  const Fd null = TRY(standard_descriptors(spawn, request.foreground));
  spawn.descriptors.emplace_back(memory.get(), kPlanFd);
  spawn.descriptors.emplace_back(theirs.get(), kStatusFd);
  if (request.foreground && ::isatty(STDIN_FILENO) != 0) spawn.descriptors.emplace_back(STDIN_FILENO, kTerminalFd);
  Fd init;
  int program_fd = kFirstProgramFd;
  if (needs_init_program(plan)) {
    init = TRY(open_helper("berth-init"));
    spawn.descriptors.emplace_back(init.get(), program_fd++);
  }
  spawn.descriptors.emplace_back(program.get(), program_fd);
  spawn.cgroup_fd = group.get();
  spawn.new_session = !request.foreground;
  spawn.detached = true;  // a caller that lives on must not find a child that it has not made
  return MonitorLink(std::move(ours), TRY_CONTEXT(sys::Spawning::begin(std::move(spawn)), "starting the monitor"));
}

Status MonitorLink::confirm() {
  pidfd_ = std::move(TRY_CONTEXT(starting_.finish(), "starting the monitor").pidfd);
  return {};
}

void MonitorLink::tell_groups_made() {
  const StarterMessage message;
  [[maybe_unused]] const Status ignored = sys::send(status_.get(), std::as_bytes(std::span(&message, 1)));
}

void MonitorLink::give_up() { [[maybe_unused]] const Status ignored = sys::shut_down(status_.get(), SHUT_WR); }

// The size of the message; 0 = the line is closed.
Result<std::size_t> MonitorLink::receive_into(StatusMessage& message) {
  const auto next = [&] { return sys::receive(status_.get(), std::as_writable_bytes(std::span(&message, 1))); };
  auto received = next();
  // A monitor that ended without reading our word: the kernel tells that once, before what the monitor has said.
  if (!received && received.error().code() == ECONNRESET) received = next();
  if (!received) return fail(std::move(received.error()));
  return received->bytes;
}

Result<StatusMessage> MonitorLink::receive() {
  StatusMessage message;
  if (TRY(receive_into(message)) != sizeof message) return fail(died_without_a_word());
  spoke_ = true;
  return message;
}

void MonitorLink::await_end() {
  StatusMessage message;
  for (auto size = receive_into(message); size && *size > 0; size = receive_into(message)) continue;
}

Result<int> MonitorLink::wait_until_stopped() {
  const sigset_t signals = forwarded_signals();
  TRY(sys::block_signals(signals));
  const Fd signal_fd = TRY(sys::signal_fd(signals));
  int status = 1 << 8;
  for (;;) {
    pollfd sources[2] = {{status_.get(), POLLIN, 0}, {signal_fd.get(), POLLIN, 0}};
    if (::poll(sources, 2, -1) < 0 && errno != EINTR) return fail(Error::from_errno(errno, "poll", "the monitor"));
    if ((sources[1].revents & POLLIN) != 0) {
      signalfd_siginfo signal{};
      if (::read(signal_fd.get(), &signal, sizeof signal) == sizeof signal) {
        // The monitor may be gone already; then the end of file below tells.
        static_cast<void>(sys::send_signal(pidfd_.get(), static_cast<int>(signal.ssi_signo)));
      }
    }
    if ((sources[0].revents & (POLLIN | POLLHUP)) == 0) continue;
    StatusMessage message;
    const std::size_t size = TRY(receive_into(message));
    if (size == 0) return status;
    if (size == sizeof message && message.kind == StatusKind::kStopped) status = message.value;
  }
}

}  // namespace berth::runtime
