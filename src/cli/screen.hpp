// A terminal that a command draws on and reads keys from, given back as it was however the command ends.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "os/terminal.hpp"
#include "sys/process.hpp"

namespace berth::cli {

class Screen {
 public:
  // Takes standard input and output. From here to the end of the object no signal reaches this process but SIGKILL and SIGSTOP:
  // next() tells of them. Error: one of the two is no terminal.
  static Result<Screen> open();
  Screen(Screen&&) noexcept = default;
  Screen& operator=(Screen&&) = delete;

  struct Event {
    enum class Kind {
      kTimeout,
      kKey,     // `value`: the byte
      kRedraw,  // another size, or back from a stop
      kEnd,     // the terminal is gone
      kSignal,  // `value`: one that ends a process
    } kind = Kind::kTimeout;
    int value = 0;
  };
  // Ctrl-C and Ctrl-\ are the signals that they stand for. Ctrl-Z stops the process, with the terminal as it was before.
  Result<Event> next(std::chrono::nanoseconds wait);

  struct Size {
    std::size_t width = 80, height = 24;
  };
  [[nodiscard]] static Size size();

  // The terminal as it was, the cursor on a line of its own, and the signals as they were.
  void close();
  // After close(): dies of a signal of next(), so that whoever waits for this process sees what ended it.
  static void die_of(int signal);

 private:
  Screen(std::unique_ptr<sys::SignalsBlocked> blocked, Fd signals, os::RawTerminal terminal)
      : blocked_(std::move(blocked)), signals_(std::move(signals)), terminal_(std::move(terminal)) {}
  std::optional<Event> take_signal();
  Result<Event> take_key();
  Result<Event> stop_and_come_back();

  std::unique_ptr<sys::SignalsBlocked> blocked_;
  Fd signals_;
  std::optional<os::RawTerminal> terminal_;  // nothing: closed
};

}  // namespace berth::cli
