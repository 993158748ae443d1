// A terminal's modes and window.
#pragma once

#include <sys/ioctl.h>

#include <array>
#include <cstddef>

#include "base/result.hpp"

namespace berth::os {

bool is_terminal(int fd);
// Another process group has the terminal: who changes its modes now changes them for that one. Not where the caller has it for
// no controlling terminal.
bool in_background(int fd);
Result<winsize> window_size(int fd);
Status set_window_size(int fd, const winsize& size);
// Bytes that can be read now; of a terminal in line mode, those of whole lines.
std::size_t unread_input(int fd);

// Raw mode (no echo, no signals, no translation) for good.
Status make_raw(int fd);

// Puts a terminal into raw mode and restores it on destruction. Move-only.
// `fd` stays the caller's and must outlive the object.
class RawTerminal {
 public:
  static Result<RawTerminal> enter(int fd);
  RawTerminal(RawTerminal&& other) noexcept;
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal();
  // Earlier than the destructor would. Idempotent.
  Status restore();

 private:
  static constexpr std::size_t kModesSize = 64;  // the kernel's struct termios; <asm/termbits.h> clashes with <termios.h>
  RawTerminal(int fd, const std::array<std::byte, kModesSize>& saved) : fd_(fd), saved_(saved) {}
  int fd_;
  std::array<std::byte, kModesSize> saved_;
};

}  // namespace berth::os
