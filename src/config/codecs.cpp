// Runs in: the command or library caller that reads configuration.
#include "config/codecs.hpp"

#include <cerrno>
#include <functional>

#include "config/command_line.hpp"

namespace berth::config {
namespace {

// The column of `part` in the file: the value's own, moved when `part` lies within the value.
unsigned column_of(const Assignment& assignment, std::string_view part) {
  const std::string_view value = assignment.value;
  const std::less_equal<const char*> not_after;  // a total order also for unrelated pointers
  if (assignment.column == 0) return 0;
  if (!not_after(value.data(), part.data()) || !not_after(part.data() + part.size(), value.data() + value.size())) {
    return assignment.column;
  }
  return assignment.column + static_cast<unsigned>(part.data() - value.data());
}

// Long or binary values would bury the message.
std::string shown(std::string_view found) {
  constexpr std::size_t kLongest = 80;
  std::string text;
  for (const char c : found.substr(0, kLongest)) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (found.size() > kLongest) text += "...";
  return text;
}

std::optional<unsigned> unit_shift(std::string_view unit, bool short_units) {
  if (unit.empty()) return 0;
  constexpr std::string_view kLetters = "kmg";
  for (unsigned i = 0; i < kLetters.size(); ++i) {
    const char full[] = {kLetters[i], 'b'};
    if (equal_ignoring_case(unit, {full, 2}) || (short_units && equal_ignoring_case(unit, {full, 1}))) return 10 * (i + 1);
  }
  return std::nullopt;
}

}  // namespace

bool equal_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

Error bad_value(const Assignment& assignment, std::string_view expected, std::string_view found) {
  std::string text = strings::cat("bad value for ", assignment.ref.name);
  if (const unsigned column = column_of(assignment, found); column != 0) text += strings::cat(" at column ", column);
  return Error::message(strings::cat(text, ": expected ", expected, ", found \"", shown(found), "\""));
}

Error excluded_by(const Assignment& assignment, std::string_view other, const Origin& where) {
  Error error = Error::message(strings::cat(assignment.ref.name, " and ", other, " exclude each other"));
  if (where.known()) {
    error = std::move(error).because(strings::cat(other, " was set by ", where.file, ":", where.line, "  ", where.text));
  }
  return std::move(error).hint(strings::cat("clear the other one first: ", other, " ="));
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view digits = negative ? text.substr(1) : text;
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits.front() == '0') {
    base = 8;
  }
  const auto magnitude = strings::parse_number<std::uint64_t>(digits, base);
  if (!magnitude || *magnitude > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  const auto value = static_cast<std::int64_t>(*magnitude);
  return negative ? -value : value;
}

Result<bool> parse_flag(const Assignment& assignment) {
  const auto number = parse_integer(assignment.value);
  if (!number || *number < 0 || *number > 1) return fail(bad_value(assignment, "0 or 1"));
  return *number == 1;
}

std::string simplified_path(std::string_view path) {
  std::string simple;
  for (const std::string_view part : strings::split_words(path, "/")) {
    if (part == ".") continue;
    if (!simple.empty() || path.front() == '/') simple += '/';
    simple += part;
  }
  return simple.empty() ? std::string(path.substr(0, 1)) : simple;
}

std::optional<std::uint64_t> parse_size(std::string_view text, bool short_units) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto value = strings::parse_number<std::uint64_t>(text.substr(0, end));
  const auto shift = unit_shift(strings::trim(text.substr(end)), short_units);
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 62;
  if (!value || !shift || *value > (kLargest >> *shift)) return std::nullopt;
  return *value << *shift;
}

Status check_absolute_path(const Assignment& assignment) {
  if (assignment.value.front() == '/') return {};
  return fail(bad_value(assignment, "an absolute path"));
}

Status check_relative_path(const Assignment& assignment) {
  if (assignment.value.front() == '/') return fail(bad_value(assignment, "a relative path"));
  for (const std::string_view part : strings::split(assignment.value, '/')) {
    if (part == "..") return fail(bad_value(assignment, "a path without \"..\"", part));
  }
  return {};
}

Status check_command_line(const Assignment& assignment) {
  auto words = split_command_line(assignment.value);
  if (!words) return fail(bad_value(assignment, strings::cat("a command line (", words.error().line(), ")")));
  if (words->empty()) return fail(bad_value(assignment, "a command line"));
  return {};
}

const Conf& default_conf() {
  static const Conf conf;
  return conf;
}

}  // namespace berth::config
