// Runs in: the command (lxc-create, lxc-destroy); the program that it starts is a child on the host.
#include "runtime/host_program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/signal_names.hpp"
#include "base/strings.hpp"
#include "os/descendants.hpp"
#include "os/pid_ref.hpp"
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
  spawn.dies_with_caller = true;  // else it would work on, and keep its mounts, when nobody is left to clean up after it
  spawn.descriptors = {{input, 0}, {output, 1}, {errors, 2}};
  return spawn;
}

constexpr std::chrono::milliseconds kPause(100), kGrace(10000);

// All that is started from now on by this process and by what it starts, also what daemons do.
class Family {
 public:
  Family() : strangers_(os::descendants(sys::current_pid())), adopted_before_(sys::adopt_orphans(true).value_or(true)) {}
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  ~Family() {
    if (!adopted_before_) static_cast<void>(sys::adopt_orphans(false));
  }

  // They may clean up, and what they start for that is left to work.
  void end() const {
    signal_all(SIGTERM);
    if (gone_after(kGrace, 0)) return;
    static_cast<void>(gone_after(kGrace, SIGKILL));
  }

 private:
  [[nodiscard]] std::vector<pid_t> members() const {
    auto all = os::descendants(sys::current_pid());
    std::erase_if(all, [this](pid_t pid) { return std::ranges::find(strangers_, pid) != strangers_.end(); });
    return all;
  }

  // Who is still there when his pidfd is open is meant by it.
  void signal_all(int number) const {
    std::vector<os::PidRef> opened;
    for (const pid_t pid : members())
      if (auto one = os::PidRef::open(pid)) opened.push_back(std::move(*one));
    const auto still = members();
    for (const os::PidRef& one : opened)
      if (std::ranges::find(still, one.pid()) != still.end()) static_cast<void>(one.signal(number));
  }

  // `number`: a signal that they get again and again.
  [[nodiscard]] bool gone_after(std::chrono::milliseconds time, int number) const {
    for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;) {
      if (number != 0) signal_all(number);
      if (members().empty()) return true;
      sys::sleep_for(kPause);
    }
    return false;
  }

  std::vector<pid_t> strangers_;
  bool adopted_before_;
};

}  // namespace

Result<HostOutcome> run_host_program(const HostProgram& program) {
  const Fd shell = TRY(sys::open("/bin/sh", O_PATH));
  const Fd null = TRY(sys::open("/dev/null", O_RDWR));
  const int output = program.quiet ? null.get() : STDOUT_FILENO;
  std::optional<Family> family;
  if (program.progress != nullptr) family.emplace();
  const os::PidRef child(TRY(sys::spawn(describe(program, shell.get(), STDIN_FILENO, output, STDERR_FILENO))));
  while (family && !TRY(child.wait_ended(kPause))) {
    if (!program.progress->cancelled()) continue;
    family->end();
    break;
  }
  return HostOutcome{.status = TRY(child.reap())};
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
