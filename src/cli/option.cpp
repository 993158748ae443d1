// Runs in: host commands.
#include "cli/option.hpp"

#include <getopt.h>
#include <unistd.h>

#include <cstdio>

#include "cli/report.hpp"

namespace berth::cli {
namespace {

constexpr int kFirstIndex = 256;  // values of getopt_long beyond every letter
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

// The command's rows and the common ones that it does not replace, with what getopt_long needs.
struct Table {
  std::vector<const Option*> rows;
  std::vector<::option> longs;
  std::string letters = ":";
};

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

void add_row(Table& table, const Option& row, bool with_letter) {
  const int takes = row.takes == Takes::kNothing ? no_argument
                    : row.takes == Takes::kValue ? required_argument
                                                 : optional_argument;
  table.longs.push_back({row.name, takes, nullptr, kFirstIndex + static_cast<int>(table.rows.size())});
  table.rows.push_back(&row);
  if (!with_letter || row.letter == 0) return;
  table.letters += row.letter;
  table.letters.append(static_cast<std::size_t>(takes), ':');
}

Table make_table(const Command& command) {
  Table table;
  for (const Option& row : command.options) add_row(table, row, true);
  for (const Option& row : kCommonOptions) {
    if (find_row(command.options, row.name) == nullptr) add_row(table, row, !letter_taken(command.options, row.letter));
  }
  table.letters += '?';
  table.longs.push_back({});
  return table;
}

const Option* row_of(const Table& table, int value) {
  if (value >= kFirstIndex) return table.rows[static_cast<std::size_t>(value - kFirstIndex)];
  for (const Option* row : table.rows) {
    if (row->letter == value) return row;
  }
  return nullptr;
}

Error unknown_long(const Table& table, std::string_view word) {
  const std::string_view name = word.substr(2, word.find('=') == std::string_view::npos ? word.npos : word.find('=') - 2);
  std::string candidates;
  std::vector<std::string_view> names;
  for (const Option* row : table.rows) {
    names.emplace_back(row->name);
    if (std::string_view(row->name).starts_with(name)) candidates += strings::cat(candidates.empty() ? "--" : ", --", row->name);
    if (row->name == name) return Error::message(strings::cat("option '--", name, "' takes no value"));
  }
  if (!candidates.empty()) return Error::message(strings::cat("option '", word, "' is ambiguous: ", candidates));
  Error error = Error::message(strings::cat("unrecognized option '", word, "'"));
  if (const auto near = strings::nearest(name, names))
    return std::move(error).hint(strings::cat("did you mean '--", *near, "'?"));
  return error;
}

// '?' is both a letter of ours and getopt_long's answer to what it does not know; then it also sets optopt, or saw a long one.
bool asks_for_help(int result, const char* word) {
  return result == '?' && ::optopt == 0 && !std::string_view(word).starts_with("--");
}

// getopt_long's refusal in our words. `word` is the argument that it looked at.
Error refusal(const Table& table, int result, const char* word) {
  const bool is_long = word != nullptr && std::string_view(word).starts_with("--");
  const std::string shown = is_long ? std::string(word) : strings::cat('-', static_cast<char>(::optopt));
  if (result == ':') return Error::message(strings::cat("option '", shown, "' needs a value"));
  if (is_long) return unknown_long(table, word);
  return Error::message(strings::cat("unrecognized option '", shown, "'"));
}

int refuse(const Common& options, Error error) {
  if (error.hint().empty()) error = std::move(error).hint(strings::cat("'", options.program, " --help' lists the options"));
  report(options, error);
  return 1;
}

void show_help(const Command& command, const Common& options) {
  std::fputs(help_text(command, options.program).c_str(), stderr);
  if (command.more_help != nullptr) command.more_help(options);
}

// The exit status when `row` is one of those that end the command.
std::optional<int> informational(const Command& command, const Common& options, std::string_view name) {
  if (name == "help")
    show_help(command, options);
  else if (name == "usage")
    std::fputs(usage_text(command, options.program).c_str(), stderr);
  else if (name == "version")
    std::printf("%s\n", kInterfaceVersion.data());
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
  options.log_program = strings::cat("lxc-", command.name);
  const bool by_berth = std::string_view(invoked).starts_with("berth ");
  options.program = by_berth ? invoked : options.log_program;
}

}  // namespace

std::span<const Option> common_options() { return kCommonOptions; }

std::optional<int> parse(const Command& command, Common& options, int argc, char** argv) {
  name_program(command, options, argv[0]);
  const Table table = make_table(command);
  ::optind = 0;
  ::opterr = 0;
  ::optopt = 0;
  for (;;) {
    const int before = ::optind == 0 ? 1 : ::optind;
    const int result = ::getopt_long(argc, argv, table.letters.c_str(), table.longs.data(), nullptr);
    if (result == -1) break;
    if (result == '?' || result == ':') {
      const char* word = argv[::optind > before ? ::optind - 1 : before];
      if (!asks_for_help(result, word)) return refuse(options, refusal(table, result, word));
      show_help(command, options);
      return 1;
    }
    const Option& row = *row_of(table, result);
    if (const auto status = informational(command, options, row.name)) return status;
    auto stored = row.store(options, ::optarg == nullptr ? std::string_view{} : std::string_view(::optarg));
    if (!stored) return refuse(options, Error::message(strings::cat("--", row.name, ": ", stored.error().line())));
  }
  options.arguments.assign(argv + ::optind, argv + argc);
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
      "for any corresponding short options.\n\nSee the lxc-",
      command.name, " man page for further information.\n\n");
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
