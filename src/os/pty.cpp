// Runs in: the monitor and commands.
#include "os/pty.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "sys/file.hpp"

namespace berth::os {

Result<Pty> open_pty(const std::string& ptmx_path) {
  Fd ptmx = TRY(sys::open(ptmx_path, O_RDWR | O_NOCTTY));
  return adopt_ptmx(std::move(ptmx));
}

Result<Pty> adopt_ptmx(Fd ptmx) {
  constexpr long kPeerFlags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  Pty pty;
  int locked = 0;
  TRY(sys::control(ptmx.get(), TIOCSPTLCK, &locked, "TIOCSPTLCK of a ptmx"));
  TRY(sys::control(ptmx.get(), TIOCGPTN, &pty.number, "TIOCGPTN of a ptmx"));
  // The flags are the argument itself (ioctl_tty(2)); the peer is reached without its path.
  pty.peer = Fd(TRY(sys::control(ptmx.get(), TIOCGPTPEER, reinterpret_cast<void*>(kPeerFlags), "TIOCGPTPEER of a ptmx")));
  pty.ptmx = std::move(ptmx);
  return pty;
}

}  // namespace berth::os
