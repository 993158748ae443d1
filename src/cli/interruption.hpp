// Signals that would end a command in the middle of its work. Ctrl-C as a wish: long work ends early, takes back what it made,
// and the command's exit status says so. A reader of our output who has gone: an Error of the writing.
#pragma once

#include <signal.h>

namespace berth::cli {

inline constexpr int kExitInterrupted = 130;

// While the object lives, writing into a pipe that nobody reads any more fails with EPIPE, without SIGPIPE. Programs that are
// executed meanwhile have the signal as they know it.
class PipeErrors {
 public:
  PipeErrors();
  PipeErrors(const PipeErrors&) = delete;
  PipeErrors& operator=(const PipeErrors&) = delete;
  ~PipeErrors();

 private:
  struct ::sigaction before_{};
};

// While the object lives the first SIGINT, SIGTERM or SIGHUP only sets a flag; the second one ends the process at once, as if
// nobody had listened. A signal that was ignored when the command began stays so. One object at a time. No SIGPIPE either:
// progress that nobody reads is no reason to leave half of the work behind.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

 private:
  PipeErrors pipe_errors_;
};

// One of them came. Stays true when the object has gone.
bool interrupted();

}  // namespace berth::cli
