// Runs in: host commands.
// The multicall program: `berth COMMAND`, and every lxc-COMMAND as a link to it.
#include <fcntl.h>
#include <malloc.h>

#include "cli/commands.hpp"
#include "sys/file.hpp"

int main(int argc, char** argv) {
  // A command lives for milliseconds: memory is taken in one piece and goes with the process.
  constexpr int kAtOnce = 512 << 10;  // bytes
  ::mallopt(M_TOP_PAD, kAtOnce);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
  // Read-only: what is written to a descriptor that was closed fails, as it would have.
  berth::sys::fill_standard_descriptors(O_RDONLY);
  return berth::cli::dispatch(argc, argv);
}
