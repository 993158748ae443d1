// Runs in: commands that are attached to a terminal.
#include "os/terminal.hpp"

#include <asm/termbits.h>

#include <cstring>
#include <utility>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::os {
namespace {

std::string named(std::string_view request, int fd) { return strings::cat(request, " of descriptor ", fd); }

// The modes of cfmakeraw(3).
::termios raw_modes(::termios modes) {
  modes.c_iflag &= ~static_cast<tcflag_t>(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
  modes.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  modes.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
  modes.c_cflag = (modes.c_cflag & ~static_cast<tcflag_t>(CSIZE | PARENB)) | CS8;
  modes.c_cc[VMIN] = 1;
  modes.c_cc[VTIME] = 0;
  return modes;
}

}  // namespace

bool is_terminal(int fd) {
  ::termios modes{};
  return sys::control(fd, TCGETS, &modes, "TCGETS").has_value();
}

bool in_background(int fd) {
  pid_t front = 0;
  return sys::control(fd, TIOCGPGRP, &front, "TIOCGPGRP").has_value() && front != sys::raw::call(SYS_getpgid, 0);
}

Result<winsize> window_size(int fd) {
  winsize size{};
  TRY(sys::control(fd, TIOCGWINSZ, &size, named("TIOCGWINSZ", fd)));
  return size;
}

Status set_window_size(int fd, const winsize& size) {
  winsize copy = size;
  TRY(sys::control(fd, TIOCSWINSZ, &copy, named("TIOCSWINSZ", fd)));
  return {};
}

std::size_t unread_input(int fd) {
  int count = 0;
  return sys::control(fd, FIONREAD, &count, named("FIONREAD", fd)) && count > 0 ? static_cast<std::size_t>(count) : 0;
}

namespace {

// Returns the modes from before.
Result<::termios> exchange_for_raw(int fd) {
  ::termios before{};
  TRY(sys::control(fd, TCGETS, &before, named("TCGETS", fd)));
  ::termios raw = raw_modes(before);
  TRY(sys::control(fd, TCSETSW, &raw, named("TCSETSW", fd)));
  return before;
}

}  // namespace

Status make_raw(int fd) {
  TRY(exchange_for_raw(fd));
  return {};
}

Result<RawTerminal> RawTerminal::enter(int fd) {
  const ::termios before = TRY(exchange_for_raw(fd));
  static_assert(sizeof before <= kModesSize);
  std::array<std::byte, kModesSize> saved{};
  std::memcpy(saved.data(), &before, sizeof before);
  return RawTerminal(fd, saved);
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept : fd_(std::exchange(other.fd_, -1)), saved_(other.saved_) {}

RawTerminal::~RawTerminal() { (void)restore(); }  // a terminal that is gone needs no restoring

Status RawTerminal::restore() {
  if (fd_ < 0) return {};
  const int fd = std::exchange(fd_, -1);
  ::termios modes{};
  std::memcpy(&modes, saved_.data(), sizeof modes);
  TRY(sys::control(fd, TCSETSW, &modes, named("TCSETSW", fd)));
  return {};
}

}  // namespace berth::os
