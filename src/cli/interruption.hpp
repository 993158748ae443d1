// Ctrl-C as a wish: long work ends early, takes back what it made, and the command's exit status says so.
#pragma once

namespace berth::cli {

inline constexpr int kExitInterrupted = 130;

// While the object lives the first SIGINT, SIGTERM or SIGHUP only sets a flag; the second one ends the process at once, as if
// nobody had listened. A signal that was ignored when the command began stays so. One object at a time.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();
};

// One of them came. Stays true when the object has gone.
bool interrupted();

}  // namespace berth::cli
