// One row an option: parser, help, usage and later the man page and the completion come from it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/strings.hpp"

namespace berth::cli {

// What every command takes, and what is left of its arguments. Commands derive their own options from it.
struct Common {
  std::string program;      // as the user called it: "lxc-start", "berth start"
  std::string log_program;  // "lxc-start" in both cases; "berth-export" of a command of our own
  std::string name, lxcpath, log_file, log_level, rcfile;
  bool quiet = false;
  std::vector<std::string> arguments;  // what is no option; without the name
};

enum class Takes { kNothing, kValue, kOptionalValue };

struct Option {
  const char* name;  // long name
  char letter;       // 0 = none
  Takes takes;
  const char* value;  // stands for the value in the help text; "" when there is none
  const char* help;   // lines separated by '\n'; "" = shown in no help (an LXC name kept for scripts)
  // Stores the value (empty where none was given). A failure says what was expected; the parser adds the option's name.
  Status (*store)(Common& options, std::string_view value);
};

struct Command {
  const char* name;      // "start"
  const char* synopsis;  // follows the program's name in the usage line
  const char* summary;   // one line for the list of commands
  const char* description;
  std::span<const Option> options;
  int (*run)(int argc, char** argv);
  bool takes_name = true;  // -n, or the first argument
  bool name_required = true;
  void (*more_help)(const Common& options) = nullptr;  // printed after --help
  bool own = false;                                    // LXC has none of this name: `berth NAME` only, no lxc-NAME
};

std::span<const Option> common_options();

// Reads the command line into `options`. A value: the command is over with this exit status (help, version, or an error
// that was printed). argv[0] is "lxc-NAME" or "berth NAME".
std::optional<int> parse(const Command& command, Common& options, int argc, char** argv);

std::string help_text(const Command& command, std::string_view program);
std::string usage_text(const Command& command, std::string_view program);

// --- stores ------------------------------------------------------------------------------------------------------------
namespace detail {
template <typename Class, typename Member>
Class class_of(Member Class::*);
template <auto Member>
auto& member_of(Common& options) {
  return static_cast<decltype(class_of(Member))&>(options).*Member;
}
}  // namespace detail

template <auto Member>
Status set_flag(Common& options, std::string_view) {
  detail::member_of<Member>(options) = true;
  return {};
}
template <auto Member>
Status clear_flag(Common& options, std::string_view) {
  detail::member_of<Member>(options) = false;
  return {};
}
template <auto Member>
Status set_text(Common& options, std::string_view value) {
  detail::member_of<Member>(options) = std::string(value);
  return {};
}
template <auto Member>
Status add_text(Common& options, std::string_view value) {
  detail::member_of<Member>(options).emplace_back(value);
  return {};
}

namespace detail {
template <typename T>
struct NumberOf {
  using type = T;
};
template <typename T>
struct NumberOf<std::optional<T>> {
  using type = T;
};
}  // namespace detail
template <auto Member>
Status set_number(Common& options, std::string_view value) {
  auto& member = detail::member_of<Member>(options);
  const auto number = strings::parse_number<typename detail::NumberOf<std::remove_reference_t<decltype(member)>>::type>(value);
  if (!number) return fail(strings::cat("'", value, "' is not a number that fits"));
  member = *number;
  return {};
}
// KEY=VALUE into a list of pairs; blanks around '=' as in a configuration file.
template <auto Member>
Status add_pair(Common& options, std::string_view value) {
  const std::size_t equals = value.find('=');
  if (equals == std::string_view::npos || equals == 0) return fail(strings::cat("'", value, "' is not of the form KEY=VALUE"));
  detail::member_of<Member>(options).emplace_back(strings::trim(value.substr(0, equals)),
                                                  strings::trim(value.substr(equals + 1)));
  return {};
}

}  // namespace berth::cli
