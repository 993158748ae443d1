// Runs in: host commands.
// The multicall program: `berth COMMAND`, and every lxc-COMMAND as a link to it.
#include <malloc.h>

#include "cli/commands.hpp"

int main(int argc, char** argv) {
  // A command lives for milliseconds: memory is taken in one piece and goes with the process.
  constexpr int kAtOnce = 512 << 10;  // bytes
  ::mallopt(M_TOP_PAD, kAtOnce);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
  return berth::cli::dispatch(argc, argv);
}
