// Runs in: host commands.
#include "cli/option.hpp"

#include "cli/arguments.hpp"
#include "cli/report.hpp"

namespace berth::cli {
namespace {

constexpr std::string_view kInterfaceVersion = "7.0.0";

Status nothing(Common&, std::string_view) { return {}; }

constexpr Option kCommonOptions[] = {
    {"name", 'n', Takes::kValue, "NAME", "NAME of the container", set_text<&Common::name>},
    {"rcfile", 0, Takes::kValue, "FILE", "Load configuration file FILE", set_text<&Common::rcfile>},
    {"logfile", 'o', Takes::kValue, "FILE", "Write the log to FILE", set_text<&Common::log_file>},
    {"logpriority", 'l', Takes::kValue, "LEVEL", "Set log priority to LEVEL", set_text<&Common::log_level>},
    {"quiet", 'q', Takes::kNothing, "", "Don't produce any output", set_flag<&Common::quiet>},
    {"lxcpath", 'P', Takes::kValue, "PATH", "Use specified container path", set_text<&Common::lxcpath>},
    {"help", 'h', Takes::kNothing, "", "Give this help list (also -?)", nothing},
    {"usage", 0, Takes::kNothing, "", "Give a short usage message", nothing},
    {"version", 0, Takes::kNothing, "", "Print the version number", nothing},
};
// Those of the common rows that are listed with the command's own.
constexpr std::size_t kOwnCommon = 2;

const Option* find_row(std::span<const Option> rows, std::string_view name) {
  for (const Option& row : rows) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

bool letter_taken(std::span<const Option> rows, char letter) {
  for (const Option& row : rows) {
    if (letter != 0 && row.letter == letter) return true;
  }
  return false;
}

// The command's rows and the common ones that it does not replace.
std::vector<KnownOption> known_options(const Command& command) {
  std::vector<KnownOption> known;
  known.reserve(command.options.size() + std::size(kCommonOptions));
  for (const Option& row : command.options) known.push_back({&row, row.letter});
  for (const Option& row : kCommonOptions) {
    if (find_row(command.options, row.name) == nullptr)
      known.push_back({&row, letter_taken(command.options, row.letter) ? '\0' : row.letter});
  }
  return known;
}

int refuse(const Common& options, Error error) {
  if (error.hint().empty()) error = std::move(error).hint(strings::cat("'", options.program, " --help' lists the options"));
  report(options, error);
  return 1;
}

void show_help(const Command& command, const Common& options) {
  print_error(help_text(command, options.program));
  if (command.more_help != nullptr) command.more_help(options);
}

// The exit status when `row` is one of those that end the command.
std::optional<int> informational(const Command& command, const Common& options, std::string_view name) {
  if (name == "help")
    show_help(command, options);
  else if (name == "usage")
    print_error(usage_text(command, options.program));
  else if (name == "version")
    print(strings::cat(kInterfaceVersion, '\n'));
  else
    return std::nullopt;
  return 0;
}

std::optional<int> take_name(const Command& command, Common& options) {
  if (!command.takes_name) return std::nullopt;
  if (options.name.empty() && !options.arguments.empty()) {
    options.name = std::move(options.arguments.front());
    options.arguments.erase(options.arguments.begin());
  }
  if (!options.name.empty() || !command.name_required) return std::nullopt;
  return refuse(options, Error::message("No container name specified").hint("give it as the first argument, or with -n NAME"));
}

void name_program(const Command& command, Common& options, const char* invoked) {
  options.log_program = strings::cat(command.own ? "berth-" : "lxc-", command.name);
  const bool by_berth = std::string_view(invoked).starts_with("berth ");
  options.program = by_berth ? invoked : options.log_program;
}

}  // namespace

std::span<const Option> common_options() { return kCommonOptions; }

std::optional<int> parse(const Command& command, Common& options, int argc, char** argv) {
  name_program(command, options, argv[0]);
  const std::vector<KnownOption> known = known_options(command);
  ArgumentScanner scanner(known, argc, argv);
  for (;;) {
    const auto given = scanner.next();
    if (!given) return refuse(options, given.error());
    if (!*given) break;
    const auto& [row, value] = **given;
    if (row == nullptr) {
      show_help(command, options);
      return 1;
    }
    if (const auto status = informational(command, options, row->name)) return status;
    auto stored = row->store(options, value);
    if (!stored) return refuse(options, Error::message(strings::cat("--", row->name, ": ", stored.error().line())));
  }
  options.arguments = scanner.take_arguments();
  if (const auto status = take_name(command, options)) return status;
  if (const auto opened = open_log(options); !opened) return refuse(options, opened.error());
  return std::nullopt;
}

// --- texts -------------------------------------------------------------------------------------------------------------
namespace {

constexpr std::size_t kHelpColumn = 28;
constexpr std::size_t kUsageWidth = 78;

std::string left_side(const Option& row, bool with_letter) {
  std::string text =
      row.letter != 0 && with_letter ? strings::cat("  -", row.letter, ", --", row.name) : strings::cat("      --", row.name);
  if (row.takes == Takes::kValue) text += strings::cat('=', row.value);
  if (row.takes == Takes::kOptionalValue) text += strings::cat("[=", row.value, ']');
  return text;
}

void append_help(std::string& text, const Option& row, bool with_letter) {
  if (*row.help == '\0') return;
  std::string left = left_side(row, with_letter);
  for (const std::string_view line : strings::split(row.help, '\n')) {
    if (left.size() + 1 > kHelpColumn) {
      text += left + "\n";
      left.clear();
    }
    left.resize(kHelpColumn, ' ');
    text.append(left).append(line).append("\n");
    left.clear();
  }
}

std::string usage_word(const Option& row, bool with_letter) {
  std::string text = "[";
  if (row.letter != 0 && with_letter) text += strings::cat('-', row.letter, '|');
  text += strings::cat("--", row.name);
  if (row.takes == Takes::kValue) text += strings::cat('=', row.value);
  if (row.takes == Takes::kOptionalValue) text += strings::cat("[=", row.value, ']');
  return text + "]";
}

}  // namespace

std::string help_text(const Command& command, std::string_view program) {
  std::string text = strings::cat("Usage: ", program, ' ', command.synopsis, "\n\n", command.description, "\n\nOptions :\n");
  const auto append = [&](const Option& row) {
    if (find_row(command.options, row.name) == nullptr) append_help(text, row, !letter_taken(command.options, row.letter));
  };
  if (command.takes_name) append(kCommonOptions[0]);
  for (const Option& row : command.options) append_help(text, row, true);
  append(kCommonOptions[1]);
  text += "\nCommon options :\n";
  for (const Option& row : std::span(kCommonOptions).subspan(kOwnCommon)) append(row);
  text += strings::cat(
      "\nMandatory or optional arguments to long options are also mandatory or optional\n"
      "for any corresponding short options.\n\n");
  // Words behind a command have no page of their own.
  if (!command.own && std::string_view(command.name).find(' ') == std::string_view::npos)
    text += strings::cat("See the lxc-", command.name, " man page for further information.\n\n");
  return text;
}

std::string usage_text(const Command& command, std::string_view program) {
  std::string text = strings::cat("Usage: ", program);
  std::size_t width = text.size();
  const auto append = [&](const Option& row, bool with_letter) {
    const std::string word = usage_word(row, with_letter);
    if (width + 1 + word.size() > kUsageWidth) {
      text += "\n\t";
      width = 8;
    } else {
      text += ' ';
      ++width;
    }
    text += word;
    width += word.size();
  };
  for (const Option& row : command.options) append(row, true);
  for (const Option& row : kCommonOptions) {
    if (find_row(command.options, row.name) == nullptr) append(row, !letter_taken(command.options, row.letter));
  }
  return text + "\n";
}

}  // namespace berth::cli
