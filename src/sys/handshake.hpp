// Keeps two kinds of moments of one process apart: a copy of it that goes on with a caller's own code (attach of a function) must
// not be made while another thread has a descriptor open whose end is a message, such as the pipe that tells of an exec: the copy
// would hold it, and the message would never come.
#pragma once

namespace berth::sys {

// From the making of such a descriptor until this process has closed its copy. Many at a time; may be nested.
class HandshakeWindow {
 public:
  HandshakeWindow();
  HandshakeWindow(const HandshakeWindow&) = delete;
  HandshakeWindow& operator=(const HandshakeWindow&) = delete;
  ~HandshakeWindow();
};

// While the copy is made. Waits until no window is open; at most two seconds, as a late message is better than none.
class CopyWindow {
 public:
  CopyWindow();
  CopyWindow(const CopyWindow&) = delete;
  CopyWindow& operator=(const CopyWindow&) = delete;
  ~CopyWindow();
  // In the copy, which has a state of its own from then on.
  static void end_in_copy();

 private:
  bool entered_ = false;
};

}  // namespace berth::sys
