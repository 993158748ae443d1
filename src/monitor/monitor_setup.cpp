// Runs in: the monitor, once, before the first step; and what follows from signals.
#include <elf.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "monitor/monitor.hpp"
#include "os/syslog.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

#if __SIZEOF_POINTER__ == 8
using ElfHeader = Elf64_Ehdr;
using ElfSegment = Elf64_Phdr;
#else
using ElfHeader = Elf32_Ehdr;
using ElfSegment = Elf32_Phdr;
#endif
extern "C" const ElfHeader __ehdr_start;  // NOLINT(bugprone-reserved-identifier): given by the linker, this program's first bytes

namespace berth::monitor {
namespace {

constexpr std::string_view kCategory = "monitor";

// Blocked all life long: read from a descriptor, or (the last three) meant for terminals and broken pipes only.
constexpr int kBlocked[] = {SIGCHLD, SIGWINCH, SIGTERM, SIGINT,  SIGHUP,  SIGQUIT,
                            SIGUSR1, SIGUSR2,  SIGPWR,  SIGPIPE, SIGTTOU, SIGTTIN};
constexpr std::size_t kReadSignals = 9;

// The read-only segments of this program.
std::vector<std::span<std::byte>> program_text() {
  constexpr std::uintptr_t kPage = 4096;
  const auto base = reinterpret_cast<std::uintptr_t>(&__ehdr_start);
  const auto* segments = reinterpret_cast<const ElfSegment*>(base + __ehdr_start.e_phoff);
  const std::span all(segments, __ehdr_start.e_phnum);
  std::uintptr_t first = 0;  // of the addresses that the program was linked for
  for (const ElfSegment& segment : all) {
    if (segment.p_type == PT_LOAD && segment.p_offset == 0) first = segment.p_vaddr;
  }
  std::vector<std::span<std::byte>> ranges;
  for (const ElfSegment& segment : all) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t start = (base - first + segment.p_vaddr) & ~(kPage - 1);
    const std::uintptr_t end = (base - first + segment.p_vaddr + segment.p_memsz + kPage - 1) & ~(kPage - 1);
    ranges.emplace_back(reinterpret_cast<std::byte*>(start), end - start);
  }
  return ranges;
}

}  // namespace

bool Monitor::set_up() {
  auto droppable = program_text();
  if (!plan_pages_.empty()) droppable.push_back(plan_pages_);
  loop_.drop_when_idle(std::move(droppable));
  open_log();
  auto result = open_command_socket();
  if (already_running_) {
    begin_undo();  // what the caller made for this start
    return false;
  }
  if (result) result = watch_signals();
  if (result) result = watch_starter();
  if (result) result = open_console();
  if (result) result = write_pid_file();
  if (!result) fail_start(result.error(), blob_.step_count());
  return result.has_value();
}

void Monitor::open_log() {
  const child::MonitorSettings& settings = blob_.settings();
  log::Sink sink{.fd = -1,
                 .threshold = static_cast<log::Level>(settings.log_level),
                 .prefix = blob_.text(settings.log_prefix),
                 .name = blob_.text(settings.name)};
  if (settings.syslog_facility != 0) {
    sink.forward = os::send_to_syslog;
    sink.facility = static_cast<int>(settings.syslog_facility);
  }
  constexpr mode_t kMode = 0640;
  if (blob_.has(settings.log_file)) {
    // Where it can't be opened the caller has complained.
    auto file = sys::open(blob_.text(settings.log_file), O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, kMode);
    if (file) log_ = std::move(*file);
    sink.fd = log_.get();
  }
  log::set_sink(std::move(sink));
}

Status Monitor::open_command_socket() {
  const auto listening = server_.listen(blob_.text(blob_.settings().socket_name));
  already_running_ = !listening && listening.error().code() == EADDRINUSE;
  return listening;
}

Status Monitor::watch_signals() {
  sigset_t mask;
  ::sigemptyset(&mask);
  for (const int signal : kBlocked) ::sigaddset(&mask, signal);
  TRY(sys::block_signals(mask));
  ::sigemptyset(&mask);
  for (std::size_t i = 0; i < kReadSignals; ++i) ::sigaddset(&mask, kBlocked[i]);
  signals_ = TRY(sys::signal_fd(mask));
  return loop_.watch(signals_.get(), EPOLLIN, signal_watcher_);
}

// In the foreground the container lives as long as the command that started it; else it is heard until its part is done.
Status Monitor::watch_starter() {
  if (!status_ || (blob_.settings().foreground == 0 && groups_made_)) return {};
  return loop_.watch(status_.get(), EPOLLIN | EPOLLRDHUP, starter_watcher_);
}

Status Monitor::open_console() {
  const child::MonitorSettings& settings = blob_.settings();
  console_.keep_history(settings.console_buffer);
  if (blob_.has(settings.console_log)) {
    TRY(console_.log_to(blob_.text(settings.console_log), settings.console_log_size, settings.console_rotate != 0));
  }
  const std::string_view path = blob_.text(settings.console_path);
  if (path == "none") return {};
  if (!path.empty()) return console_.attach_path(std::string(path));
  if (!terminal_) return {};
  // What is no terminal (any more) is no console either: the container runs without one, as a daemonized one does.
  if (auto attached = console_.attach_terminal(std::move(terminal_)); !attached) log::debug(kCategory, attached.error().line());
  return {};
}

Status Monitor::write_pid_file() {
  const char* path = blob_.text(blob_.settings().pid_file);
  if (path[0] == '\0') return {};
  constexpr mode_t kMode = 0600;
  const Fd file = TRY(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode));
  pid_file_written_ = true;
  return sys::write_all(file.get(), strings::cat(sys::current_pid(), '\n'), path);
}

void Monitor::on_signal() {
  signalfd_siginfo info{};
  while (sys::raw::call(SYS_read, signals_.get(), &info, sizeof info) == static_cast<long>(sizeof info)) {
    const auto signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) continue;  // children are watched by their pidfds
    if (signal == SIGWINCH) {
      console_.resize();
    } else if (stage_ == Stage::kStarting) {
      fail_start(Error::from_errno(EINTR, "signal", strings::cat("the monitor got signal ", signal)), current_step());
    } else if (container_.init_pid > 0) {
      // As LXC does it: what the monitor is told is told to init, a hang-up as a request to end.
      const auto sent = sys::send_signal(container_.init_pidfd.get(), signal == SIGHUP ? SIGTERM : signal);
      if (!sent) log::debug(kCategory, sent.error().line());
    }
  }
}

}  // namespace berth::monitor
