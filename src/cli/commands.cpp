// Runs in: host commands.
#include "cli/commands.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/strings.hpp"
#include "cli/report.hpp"
#include "sys/process.hpp"

namespace berth::cli {
namespace {

// As `berth` lists them: by what one does first.
constexpr auto kTable = std::to_array<const Command*>(
    {&kCreate, &kStart,   &kStop,    &kAttach,   &kExecute, &kConsole, &kInfo,        &kLs,   &kTop,
     &kWait,   &kMonitor, &kFreeze,  &kUnfreeze, &kDevice,  &kDoctor,  &kCgroup,      &kCopy, &kSnapshot,
     &kExport, &kImport,  &kStorage, &kDestroy,  &kNet,     &kConfig,  &kUpdateConfig});

constexpr std::string_view kPrefix = "lxc-";

std::string overview() {
  std::string text =
      "berth: Linux containers, a drop-in for LXC\n\nUsage: berth COMMAND [OPTION...]\n       lxc-COMMAND "
      "[OPTION...]\n\nCommands:\n";
  std::size_t longest = 0;
  for (const Command* command : kTable) longest = std::max(longest, std::string_view(command->name).size());
  for (const Command* command : kTable) {
    std::string line = strings::cat("  ", command->name);
    line.resize(longest + 3, ' ');
    text += strings::cat(line, ' ', command->summary, '\n');
  }
  return text +
         "\n'berth COMMAND --help' shows the options of a command.\n\nFirst steps:\n"
         "  berth create web1 -t busybox -f /dev/null   make a container (by -f not from this host's default.conf)\n"
         "  berth start web1                            start it\n"
         "  berth attach web1                           a shell in it\n"
         "  berth ls -f                                 what there is\n"
         "  berth destroy web1 --force                  stop it and remove it\n";
}

int unknown(std::string_view word) {
  std::vector<std::string_view> names;
  for (const Command* command : kTable) names.emplace_back(command->name);
  std::string text = strings::cat("berth: '", word, "' is not a command\n");
  if (const auto near = strings::nearest(word, names)) text += strings::cat("  did you mean '", *near, "'?\n");
  text += "  'berth' alone lists the commands\n";
  print_error(text);
  return 1;
}

int show(std::string_view text) {
  print(text);
  Common options;
  options.program = "berth";
  return finish(options, 0);
}

int run_as(const Command& command, std::string program, int argc, char** argv) {
  argv[0] = program.data();
  return command.run(argc, argv);
}

int run_berth(int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "help";
  if (word == "--version") return show(strings::cat(kOwnVersion, " (LXC interface 7.0.0)\n"));
  if (word == "help" && argc > 2) {
    const Command* command = find_command(argv[2]);
    if (command == nullptr) return unknown(argv[2]);
    return show(help_text(*command, strings::cat("berth ", command->name)));
  }
  if (word == "help" || word == "--help" || word == "-h" || word == "-?") return show(overview());
  const Command* command = find_command(word);
  if (command == nullptr) return unknown(word);
  return run_as(*command, strings::cat("berth ", command->name), argc - 1, argv + 1);
}

}  // namespace

std::span<const Command* const> commands() { return kTable; }

const Command* find_command(std::string_view name) {
  for (const Command* command : kTable) {
    if (name == command->name) return command;
  }
  return nullptr;
}

int dispatch(int argc, char** argv) {
  sys::reset_signal(SIGCHLD);  // ignored by whoever started us, it would take our children's statuses away
  std::string_view invoked = argc > 0 && argv[0] != nullptr ? argv[0] : "berth";
  if (const std::size_t slash = invoked.rfind('/'); slash != invoked.npos) invoked.remove_prefix(slash + 1);
  if (!invoked.starts_with(kPrefix)) return run_berth(argc, argv);
  const Command* command = find_command(invoked.substr(kPrefix.size()));
  if (command == nullptr || command->own) return unknown(invoked.substr(kPrefix.size()));
  return run_as(*command, std::string(invoked), argc, argv);
}

}  // namespace berth::cli
