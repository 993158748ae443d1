#include "os/pty.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <termios.h>
#include <unistd.h>

#include "../sys/faults.hpp"
#include "os/terminal.hpp"
#include "sys/file.hpp"

namespace berth::os {
namespace {

tcflag_t local_modes(int fd) {
  termios modes{};
  EXPECT_EQ(::tcgetattr(fd, &modes), 0);
  return modes.c_lflag;
}

TEST(Pty, BothEndsTalk) {
  const Pty pty = open_pty().value();
  EXPECT_TRUE(is_terminal(pty.peer.get()));
  EXPECT_EQ(::ttyname(pty.peer.get()), pty.name());
  EXPECT_EQ(::fcntl(pty.peer.get(), F_GETFD), FD_CLOEXEC);
  ASSERT_TRUE(sys::write_all(pty.ptmx.get(), "line\n", "pty"));
  char buffer[16];
  EXPECT_EQ(sys::read_some(pty.peer.get(), buffer, "pty").value(), 5U);
}

TEST(Pty, FailuresAreToldAndLeakNothing) {
  const std::size_t before = berth::testing::open_descriptors();
  EXPECT_EQ(open_pty("/dev/null").error().line(), "ioctl(TIOCSPTLCK of a ptmx): Inappropriate ioctl for device (ENOTTY)");
  for (int nth = 1;; ++nth) {
    const berth::testing::ScopedFault fault(berth::testing::ScopedFault::kAnyCall, nth, EIO);
    const bool opened = open_pty().has_value();
    EXPECT_EQ(opened, !fault.fired());
    EXPECT_EQ(berth::testing::open_descriptors(), before);
    if (!fault.fired()) break;
  }
}

TEST(Terminal, WindowSizeTravels) {
  const Pty pty = open_pty().value();
  ASSERT_TRUE(set_window_size(pty.ptmx.get(), {33, 77, 0, 0}));
  const winsize size = window_size(pty.peer.get()).value();
  EXPECT_EQ(size.ws_row, 33);
  EXPECT_EQ(size.ws_col, 77);
}

TEST(Terminal, RawModeIsRestored) {
  const Pty pty = open_pty().value();
  const int fd = pty.peer.get();
  const tcflag_t before = local_modes(fd);
  ASSERT_NE(before & ICANON, 0U);
  {
    RawTerminal raw = RawTerminal::enter(fd).value();
    const RawTerminal moved = std::move(raw);
    EXPECT_EQ(local_modes(fd) & (ICANON | ECHO | ISIG), 0U);
  }
  EXPECT_EQ(local_modes(fd), before);
}

TEST(Terminal, WhatIsNoTerminalIsNamed) {
  const Fd null = sys::open("/dev/null", O_RDWR).value();
  EXPECT_FALSE(is_terminal(null.get()));
  EXPECT_EQ(RawTerminal::enter(null.get()).error().line(),
            "ioctl(TCGETS of descriptor " + std::to_string(null.get()) + "): Inappropriate ioctl for device (ENOTTY)");
}

}  // namespace
}  // namespace berth::os
