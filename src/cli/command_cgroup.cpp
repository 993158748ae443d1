// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "runtime/live.hpp"

namespace berth::cli {
namespace {

constexpr std::string_view kForms = "lxc-cgroup -n NAME FILE [VALUE]";

Result<int> cgroup(Common& options) {
  const auto& words = options.arguments;
  if (words.empty()) return fail(Error::message("the name of a control group's file is needed").hint(kForms));
  if (words.size() > 2) return fail(Error::message(strings::cat("'", words[2], "' is one argument too many")).hint(kForms));
  const auto container = TRY(existing_container(options));
  if (!TRY(container.client().reachable())) return fail(not_running(container));
  if (words.size() == 2) {
    TRY(runtime::write_cgroup_item(container, words[0], words[1]));
    return 0;
  }
  // LXC ends the kernel's text, which has its own end of line, by another one.
  print(strings::cat(TRY(runtime::read_cgroup_item(container, words[0])), "\n"));
  return 0;
}

}  // namespace

int run_cgroup(int argc, char** argv) { return run_command<Common>(kCgroup, argc, argv, cgroup); }

const Command kCgroup = {"cgroup",
                         "--name=NAME FILE [VALUE]",
                         "read or set a limit of a running container",
                         "print FILE of the control group of the container NAME, or write VALUE to it; names of cgroup v1\n"
                         "(memory.limit_in_bytes) and of v2 (memory.max) do on either kind of host where both mean the same",
                         {},
                         run_cgroup};

}  // namespace berth::cli
