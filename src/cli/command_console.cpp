// Runs in: host commands.
#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "runtime/console_session.hpp"

namespace berth::cli {
namespace {

struct ConsoleOptions : Common {
  int tty = -1;
  char escape = runtime::control_character('a');
};

// "^a" and "a" both mean Ctrl+a.
Status set_escape(Common& options, std::string_view value) {
  const std::string_view letter = value.size() == 2 && value[0] == '^' ? value.substr(1) : value;
  const bool usable = letter.size() == 1 && runtime::control_character(letter[0]) != 0;
  if (!usable) return fail(strings::cat("'", value, "' is not a letter, as a or ^a for Ctrl+a"));
  static_cast<ConsoleOptions&>(options).escape = runtime::control_character(letter[0]);
  return {};
}

constexpr Option kOptions[] = {
    {"tty", 't', Takes::kValue, "NUMBER", "console tty number (-1: any that is free, 0: /dev/console)",
     set_number<&ConsoleOptions::tty>},
    {"escape", 'e', Takes::kValue, "PREFIX", "prefix for escape command (^a or a: Ctrl+a)", set_escape},
};

void print_banner(int tty, char escape) {
  const char letter = static_cast<char>(escape + 'a' - 1);
  const std::string key = strings::cat("Ctrl+", letter);
  print_error(strings::cat("\nConnected to tty ", tty, "\nType <", key, " q> to exit the console, <", key, ' ', key,
                           "> to enter ", key, " itself\n"));
}

Result<int> console(ConsoleOptions& options) {
  TRY(refuse_more_arguments(options));
  const auto container = TRY(existing_container(options));
  if (options.tty < -1) return fail("-t takes the number of a tty, 0 for the console, or -1 for any");
  if (!TRY(container.client().reachable())) return fail(not_running(container));
  const auto tty = TRY_CONTEXT(container.client().tty(options.tty), "cannot connect to a terminal of the container");
  if (!options.quiet) print_banner(tty.number, options.escape);
  TRY(runtime::run_console(tty.master.get(), options.escape));
  return 0;
}

}  // namespace

int run_console(int argc, char** argv) { return run_command<ConsoleOptions>(kConsole, argc, argv, console); }

const Command kConsole = {"console",
                          "--name=NAME [--tty NUMBER]",
                          "connect to a terminal of a running container",
                          "connect to a tty, or the console, of the container NAME",
                          kOptions,
                          run_console};

}  // namespace berth::cli
