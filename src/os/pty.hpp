// Pseudo-terminals, opened without ever following a path into a container's /dev/pts.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::os {

struct Pty {
  Fd ptmx;          // the controlling side
  Fd peer;          // the terminal side, by TIOCGPTPEER; opened O_NOCTTY
  int number = -1;  // N of /dev/pts/N in the instance of devpts that it comes from
  [[nodiscard]] std::string name() const { return "/dev/pts/" + std::to_string(number); }
};

// A pair of the devpts instance that `ptmx_path` belongs to, unlocked.
Result<Pty> open_pty(const std::string& ptmx_path = "/dev/ptmx");
// The same for a ptmx that is open already.
Result<Pty> adopt_ptmx(Fd ptmx);

}  // namespace berth::os
