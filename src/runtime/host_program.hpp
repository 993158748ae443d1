// Runs a program of the host (a template) and waits for its end, or ends it.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "storage/progress.hpp"

namespace berth::runtime {

struct HostProgram {
  std::vector<std::string> arguments;    // [0] is looked up in PATH when it holds no '/'
  std::vector<std::string> environment;  // NAME=VALUE
  bool quiet = false;                    // standard output goes to /dev/null
  int mounts = -1;                       // a mount namespace to run in (root_namespace.hpp); the caller's without
  // Once it is cancelled, the program and all that it started get SIGTERM and, after a while, SIGKILL. To find what it has left
  // behind this process takes the place of init for it.
  const storage::Progress* progress = nullptr;
};

struct HostOutcome {
  int status = 0;  // wait(2) form
};

Result<HostOutcome> run_host_program(const HostProgram& program);

// "exited with status 2", "was killed by SIGKILL"
std::string describe_wait_status(int status);

// The environment of this process.
std::vector<std::string> own_environment();

}  // namespace berth::runtime
