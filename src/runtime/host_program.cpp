// Runs in: the command (lxc-create, lxc-destroy); the program that it starts is a child on the host.
#include "runtime/host_program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/signal_names.hpp"
#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

// A shell resolves PATH and `#!` lines for us; the program's words never pass through its parser.
sys::Spawn describe(const HostProgram& program, int shell, int input, int output, int errors) {
  sys::Spawn spawn;
  spawn.program_fd = shell;
  spawn.arguments = {"sh", "-c", "exec \"$@\"", "sh"};
  spawn.arguments.insert(spawn.arguments.end(), program.arguments.begin(), program.arguments.end());
  spawn.environment = program.environment;
  spawn.mounts = program.mounts;
  spawn.descriptors = {{input, 0}, {output, 1}, {errors, 2}};
  return spawn;
}

}  // namespace

Result<HostOutcome> run_host_program(const HostProgram& program) {
  const Fd shell = TRY(sys::open("/bin/sh", O_PATH));
  const Fd null = TRY(sys::open("/dev/null", O_RDWR));
  const int output = program.quiet ? null.get() : STDOUT_FILENO;
  const sys::Cloned child = TRY(sys::spawn(describe(program, shell.get(), STDIN_FILENO, output, STDERR_FILENO)));
  return HostOutcome{.status = TRY(sys::wait_pidfd(child.pidfd.get()))};
}

std::string describe_wait_status(int status) {
  if (WIFEXITED(status)) return strings::cat("exited with status ", WEXITSTATUS(status));
  return strings::cat("was killed by ", signals::name_of(WTERMSIG(status)));
}

std::vector<std::string> own_environment() {
  std::vector<std::string> result;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) result.emplace_back(*entry);
  return result;
}

}  // namespace berth::runtime
