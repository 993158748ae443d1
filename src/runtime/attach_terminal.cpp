// Runs in: the attaching command or library caller.
#include "runtime/attach_terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>

#include "base/strings.hpp"
#include "os/terminal.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

constexpr std::size_t kBlock = 16384;
constexpr std::size_t kKernelSignalSet = 8;
constexpr int kLookAgain = 100;  // ms; while no process has the command's terminal open there is no event to wait for

unsigned long bit(int signal) { return 1UL << (signal - 1); }

// One direction. `fd`s may be blocking or not: it reads and writes only what poll says is possible.
struct Flow {
  std::string pending;
  [[nodiscard]] bool full() const { return pending.size() >= kBlock; }
  [[nodiscard]] bool empty() const { return pending.empty(); }
};

// > 0 bytes, 0 = would block, < 0 = -errno; end of file is -EPIPE.
long read_into(int fd, Flow& flow) {
  char block[kBlock];
  const long got = sys::raw::call(SYS_read, fd, block, sizeof block);
  if (got == -EAGAIN || got == -EINTR) return 0;
  if (got == 0) return -EPIPE;
  if (got > 0) flow.pending.append(block, static_cast<std::size_t>(got));
  return got;
}

long write_from(Flow& flow, int fd, std::size_t most) {
  const std::size_t size = std::min(flow.pending.size(), most);
  const long wrote = sys::raw::call(SYS_write, fd, flow.pending.data(), size);
  if (wrote == -EAGAIN || wrote == -EINTR) return 0;
  if (wrote > 0) flow.pending.erase(0, static_cast<std::size_t>(wrote));
  return wrote;
}

class Proxy {
 public:
  Proxy(const AttachTerminals& terminals, const os::PidRef& process, SignalsAsEvents& signals)
      : terminals_(terminals), process_(process), signals_(signals), ptmx_(terminals.ptmx) {}

  Status run() {
    TRY(choose());
    std::optional<os::RawTerminal> raw;
    if (auto entered = os::RawTerminal::enter(input_)) raw.emplace(std::move(*entered));
    typed_ahead_ = raw ? os::unread_input(input_) : 0;
    resize();
    while (!finished()) {
      TRY(turn());
      if (signal_ != 0) break;
    }
    return {};
  }

  // The signal that ended the work early, 0 = none.
  [[nodiscard]] int ended_by() const { return signal_; }

 private:
  // Keys come from the first terminal; output goes to the one that the caller sees output on.
  Status choose() {
    for (const int fd : terminals_.stdio) {
      if (input_ < 0 && fd >= 0 && os::is_terminal(fd)) input_ = fd;
    }
    if (input_ < 0) return fail("none of the standard descriptors is a terminal", ENOTTY);
    output_ = input_;
    for (const int fd : {terminals_.stdio[2], terminals_.stdio[1]}) {
      if (fd >= 0 && os::is_terminal(fd)) output_ = fd;
    }
    // A description of our own can be non-blocking without doing that to everybody who shares the terminal. It can't be had
    // where the terminal belongs to somebody else (after su): then little is written at a time.
    if (auto own = sys::open(strings::cat("/proc/self/fd/", output_), O_WRONLY | O_NOCTTY | O_NONBLOCK)) {
      own_output_ = std::move(*own);
      output_ = own_output_.get();
    }
    return sys::set_nonblocking(ptmx_);
  }

  void resize() {
    if (const auto size = os::window_size(input_)) (void)os::set_window_size(ptmx_, *size);  // the next one comes with SIGWINCH
  }

  [[nodiscard]] bool finished() const { return ended_ && drained_ && to_screen_.empty(); }

  Status turn() {
    enum { kInput, kOutput, kPtmx, kProcess, kSignals, kCount };
    pollfd fds[kCount] = {};
    const auto watch = [&](int index, int fd, int events) {
      fds[index] = {events == 0 ? -1 : fd, static_cast<short>(events), 0};
    };
    watch(kInput, input_, input_open_ && !to_command_.full() ? POLLIN : 0);
    watch(kOutput, output_, to_screen_.empty() ? 0 : POLLOUT);
    watch(kPtmx, ptmx_, hung_ ? 0 : (to_screen_.full() ? 0 : POLLIN) | (to_command_.empty() ? 0 : POLLOUT));
    watch(kProcess, process_.pidfd(), ended_ ? 0 : POLLIN);
    watch(kSignals, signals_.fd(), POLLIN);
    // The end of the process is known before the last look at its terminal, so that nothing slips through between the two.
    const bool last_look = ended_;
    TRY(sys::poll(fds, last_look && !to_screen_.full() ? 0 : hung_ ? kLookAgain : -1));
    if ((fds[kSignals].revents & POLLIN) != 0) take_signals();
    if ((fds[kInput].revents) != 0) take_keys();
    if ((fds[kPtmx].revents & POLLOUT) != 0) give_keys();
    const bool readable = (fds[kPtmx].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    if (readable || hung_)
      take_output();
    else if (last_look && !to_screen_.full())
      drained_ = true;
    if (fds[kOutput].revents != 0) show_output();
    if (fds[kProcess].revents != 0) ended_ = true;
    if (last_look && drained_ && !to_screen_.empty()) TRY(await_output());
    return {};
  }

  void take_signals() {
    while (const int signal = signals_.next()) {
      if (signal == SIGWINCH) resize();
      if (signal == SIGHUP || signal == SIGTERM) signal_ = signal;
    }
  }

  void take_keys() {
    const std::size_t before = to_command_.pending.size();
    const long got = read_into(input_, to_command_);
    if (got < 0) input_open_ = false;
    if (got <= 0 || typed_ahead_ == 0) return;
    // The kernel keeps an end of file that was typed in line mode as a NUL: it is the key again for the command's terminal.
    constexpr char kEndOfFile = '\x04';
    const std::size_t old = std::min(typed_ahead_, static_cast<std::size_t>(got));
    const auto first = to_command_.pending.begin() + static_cast<std::ptrdiff_t>(before);
    std::replace(first, first + static_cast<std::ptrdiff_t>(old), '\0', kEndOfFile);
    typed_ahead_ -= old;
  }

  void give_keys() {
    if (write_from(to_command_, ptmx_, to_command_.pending.size()) < 0)
      to_command_.pending.clear();  // nobody is left to read them
  }

  void take_output() {
    const std::size_t before = to_screen_.pending.size();
    const long got = read_into(ptmx_, to_screen_);
    hung_ = got < 0;  // EIO: no process has it open at present
    if (hung_ && ended_) drained_ = true;
    if (got > 0 && terminals_.log >= 0) log(std::string_view(to_screen_.pending).substr(before));
  }

  void log(std::string_view text) {
    if (!sys::write_all(terminals_.log, text, "terminal log")) terminals_.log = -1;  // a full disk must not end the session
  }

  void show_output() {
    constexpr std::size_t kLittle = 64;
    const std::size_t most = own_output_ ? to_screen_.pending.size() : kLittle;
    if (write_from(to_screen_, output_, most) < 0) {
      to_screen_.pending.clear();  // the terminal is gone: hang up, as it did
      signal_ = SIGHUP;
    }
  }

  Status await_output() {
    pollfd out = {output_, POLLOUT, 0};
    TRY(sys::poll({&out, 1}, -1));
    show_output();
    return {};
  }

  AttachTerminals terminals_;
  const os::PidRef& process_;
  SignalsAsEvents& signals_;
  int ptmx_, input_ = -1, output_ = -1, signal_ = 0;
  Fd own_output_;
  std::size_t typed_ahead_ = 0;  // bytes of input that are from before raw mode
  Flow to_command_, to_screen_;
  bool input_open_ = true, ended_ = false, drained_ = false, hung_ = false;
};

}  // namespace

Result<SignalsAsEvents> SignalsAsEvents::take(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  unsigned long mask = 0, before = 0;
  for (const int signal : signals) {
    sigaddset(&set, signal);
    mask |= bit(signal);
  }
  Fd fd = TRY(sys::signal_fd(set));
  TRY(sys::set_nonblocking(fd.get()));
  sys::raw::call(SYS_rt_sigprocmask, SIG_BLOCK, &mask, &before, kKernelSignalSet);
  return SignalsAsEvents(std::move(fd), before);
}

SignalsAsEvents::~SignalsAsEvents() {
  if (fd_) sys::raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, kKernelSignalSet);
}

int SignalsAsEvents::next() {
  signalfd_siginfo info = {};
  const long got = sys::raw::call(SYS_read, fd_.get(), &info, sizeof info);
  return got == static_cast<long>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

Status proxy_terminal(const AttachTerminals& terminals, const os::PidRef& process) {
  int ended_by = 0;
  {
    SignalsAsEvents signals = TRY(SignalsAsEvents::take({SIGINT, SIGQUIT, SIGWINCH, SIGHUP, SIGTERM}));
    Proxy proxy(terminals, process, signals);
    TRY(proxy.run());
    ended_by = proxy.ended_by();
  }
  if (ended_by == 0) return {};
  TRY(sys::kill(sys::current_pid(), ended_by));  // the caller's own handler, or its end
  return fail("the terminal was hung up", EINTR);
}

Status await_command(const os::PidRef& process) {
  SignalsAsEvents signals = TRY(SignalsAsEvents::take({SIGINT, SIGQUIT, SIGHUP}));
  for (;;) {
    pollfd fds[] = {{process.pidfd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    TRY(sys::poll(fds, -1));
    while (const int signal = signals.next()) {
      // To its group, as a terminal does. The number is safe: the process is our child and not reaped yet.
      const Status sent = sys::kill(-process.pid(), signal);
      if (!sent && sent.error().code() != ESRCH && sent.error().code() != EPERM) return sent;
    }
    if (fds[0].revents != 0) return {};
  }
}

}  // namespace berth::runtime
