// Waiting for an attached command: its terminal is proxied when it has one, else signals of the keyboard are passed on.
#pragma once

#include <array>
#include <string>

#include "os/pid_ref.hpp"

namespace berth::runtime {

// Blocks signals of this thread for its life and reads them from a descriptor instead.
class SignalsAsEvents {
 public:
  static Result<SignalsAsEvents> take(std::initializer_list<int> signals);
  SignalsAsEvents(SignalsAsEvents&& other) noexcept : fd_(std::move(other.fd_)), before_(other.before_) {}
  SignalsAsEvents& operator=(SignalsAsEvents&&) = delete;
  ~SignalsAsEvents();
  [[nodiscard]] int fd() const { return fd_.get(); }
  // The next pending signal, 0 = none.
  int next();

 private:
  SignalsAsEvents(Fd fd, unsigned long before) : fd_(std::move(fd)), before_(before) {}
  Fd fd_;
  unsigned long before_;
};

struct AttachTerminals {
  std::array<int, 3> stdio = {0, 1, 2};  // the caller's; those that are terminals take part
  int ptmx = -1;                         // of the command's terminal
  int log = -1;                          // everything that the command prints is written there too
};

// Copies between the terminals until the process has ended and everything it printed was written. The caller's terminal is in raw
// mode meanwhile. Nothing is lost when either side is slow: a full side is not read from.
// SIGHUP and SIGTERM restore the terminal, hang the command's up and then act as ever.
Status proxy_terminal(const AttachTerminals& terminals, const os::PidRef& process);

// Without a terminal: SIGINT, SIGQUIT and SIGHUP go to the command, which has a session of its own.
Status await_command(const os::PidRef& process);

}  // namespace berth::runtime
