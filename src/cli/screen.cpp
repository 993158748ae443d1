// Runs in: host commands.
#include "cli/screen.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "cli/report.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace berth::cli {
namespace {

using Event = Screen::Event;
using Kind = Event::Kind;

Result<os::RawTerminal> enter_raw() { return os::RawTerminal::enter(STDIN_FILENO); }

bool ends_a_process(int signal) {
  switch (signal) {
    case SIGCHLD:
    case SIGURG:
    case SIGCONT:
      return false;
    default:
      return true;
  }
}

Status check_terminals() {
  for (const auto& [fd, words] : {std::pair(STDIN_FILENO, "standard input"), std::pair(STDOUT_FILENO, "standard output")}) {
    if (os::is_terminal(fd)) continue;
    return fail(
        Error::message(strings::cat(words, " is no terminal"), ENOTTY).hint("-b (--batch) and --json write to files and pipes"));
  }
  return {};
}

// As any program does that wants the terminal while another has it: the shell says that it waits, and `fg` brings it.
Status wait_for_terminal() {
  if (!os::in_background(STDIN_FILENO)) return {};
  TRY(sys::kill(sys::current_pid(), SIGTTOU));
  if (!os::in_background(STDIN_FILENO)) return {};
  return fail(Error::message("another program has the terminal", EIO)
                  .because("this one runs in the background")
                  .hint("bring it to the front (fg), or use -b (--batch) or --json"));
}

}  // namespace

Result<Screen> Screen::open() {
  TRY(check_terminals());
  TRY(wait_for_terminal());
  auto blocked = std::make_unique<sys::SignalsBlocked>();
  sigset_t all;
  ::sigfillset(&all);
  Fd signals = TRY(sys::signal_fd(all));
  return Screen(std::move(blocked), std::move(signals), TRY(enter_raw()));
}

Screen::Size Screen::size() {
  const auto window = os::window_size(STDOUT_FILENO);
  if (!window || window->ws_col == 0 || window->ws_row == 0) return {};
  return {window->ws_col, window->ws_row};
}

Result<Event> Screen::next(std::chrono::nanoseconds wait) {
  std::array<pollfd, 2> sources = {{{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  TRY(sys::poll(sources, static_cast<int>(std::clamp<std::int64_t>(ms, 0, INT32_MAX))));
  if (sources[1].revents != 0) {
    const auto event = take_signal();
    if (event && event->kind == Kind::kSignal && event->value == SIGTSTP) return stop_and_come_back();
    if (event) return *event;
  }
  if (sources[0].revents != 0) return take_key();
  return Event{};
}

// Nothing: one that means nothing to us.
std::optional<Event> Screen::take_signal() {
  signalfd_siginfo info{};
  const std::span<char> bytes(reinterpret_cast<char*>(&info), sizeof info);
  const auto count = sys::read_some(signals_.get(), bytes, "signals");
  if (!count || *count != sizeof info) return std::nullopt;
  const auto signal = static_cast<int>(info.ssi_signo);
  if (signal == SIGWINCH) return Event{Kind::kRedraw, 0};
  if (!ends_a_process(signal)) return std::nullopt;
  return Event{Kind::kSignal, signal};
}

Result<Event> Screen::take_key() {
  constexpr int kCtrlC = 3, kCtrlBackslash = 28, kCtrlZ = 26;
  char key = 0;
  const auto count = sys::read_some(STDIN_FILENO, std::span(&key, 1), "standard input");
  if (!count || *count == 0) return Event{Kind::kEnd, 0};
  if (key == kCtrlC) return Event{Kind::kSignal, SIGINT};
  if (key == kCtrlBackslash) return Event{Kind::kSignal, SIGQUIT};
  if (key == kCtrlZ) return stop_and_come_back();
  return Event{Kind::kKey, static_cast<unsigned char>(key)};
}

Result<Event> Screen::stop_and_come_back() {
  terminal_.reset();
  // `bg` brings it back without the terminal.
  do {
    TRY(sys::kill(sys::current_pid(), SIGSTOP));
  } while (os::in_background(STDIN_FILENO));
  terminal_.emplace(TRY(enter_raw()));
  return Event{Kind::kRedraw, 0};
}

void Screen::close() {
  terminal_.reset();
  blocked_->restore();
}

void Screen::die_of(int signal) {
  sys::reset_signal(signal);
  [[maybe_unused]] const Status died = sys::kill(sys::current_pid(), signal);
}

}  // namespace berth::cli
