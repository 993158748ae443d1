// Runs in: host commands.
// The multicall program: `berth COMMAND`, and every lxc-COMMAND as a link to it.
#include "cli/commands.hpp"

int main(int argc, char** argv) { return berth::cli::dispatch(argc, argv); }
