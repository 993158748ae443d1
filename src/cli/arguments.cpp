// Runs in: host commands.
#include "cli/arguments.hpp"

#include <cstdlib>

#include "base/strings.hpp"

namespace berth::cli {
namespace {

Error needs_value(std::string_view shown) { return Error::message(strings::cat("option '", shown, "' needs a value")); }

struct LongMatch {
  const Option* row = nullptr;
  std::string candidates;  // of an abbreviation that is none's alone
};

LongMatch match_long(std::span<const KnownOption> known, std::string_view name) {
  LongMatch match;
  std::size_t found = 0;
  for (const KnownOption& option : known) {
    const std::string_view full = option.row->name;
    if (full == name) return {option.row, {}};
    if (!full.starts_with(name)) continue;
    match.candidates += strings::cat(found == 0 ? "--" : ", --", full);
    match.row = ++found == 1 ? option.row : nullptr;
  }
  return match;
}

Error unknown_long(std::span<const KnownOption> known, std::string_view word, std::string_view name) {
  std::vector<std::string_view> names;
  for (const KnownOption& option : known) names.emplace_back(option.row->name);
  Error error = Error::message(strings::cat("unrecognized option '", word, "'"));
  const auto near = strings::nearest(name, names);
  return near ? std::move(error).hint(strings::cat("did you mean '--", *near, "'?")) : error;
}

}  // namespace

ArgumentScanner::ArgumentScanner(std::span<const KnownOption> known, int argc, char** argv)
    : known_(known), argc_(argc), argv_(argv), posix_(std::getenv("POSIXLY_CORRECT") != nullptr) {}

std::optional<std::string_view> ArgumentScanner::take_word() {
  if (next_ >= argc_) return std::nullopt;
  return argv_[next_++];
}

Result<GivenOption> ArgumentScanner::take_long(std::string_view word) {
  const std::size_t equals = word.find('=');
  const bool has_value = equals != std::string_view::npos;
  const std::string_view name = word.substr(2, has_value ? equals - 2 : equals);
  const std::string_view value = has_value ? word.substr(equals + 1) : std::string_view{};
  const auto [row, candidates] = match_long(known_, name);
  if (row == nullptr && !candidates.empty())
    return fail(Error::message(strings::cat("option '", word, "' is ambiguous: ", candidates)));
  if (row == nullptr) return fail(unknown_long(known_, word, name));
  if (row->takes == Takes::kNothing && has_value)
    return fail(Error::message(strings::cat("option '--", row->name, "' takes no value")));
  if (row->takes != Takes::kValue || has_value) return GivenOption{row, value};
  const auto next = take_word();
  if (!next) return fail(needs_value(word));
  return GivenOption{row, *next};
}

Result<GivenOption> ArgumentScanner::take_letter() {
  const char letter = joined_.front();
  joined_.remove_prefix(1);
  if (letter == '?') return GivenOption{};
  const std::string shown{'-', letter};
  const Option* row = nullptr;
  for (const KnownOption& option : known_) {
    if (option.letter == letter) row = option.row;
  }
  if (row == nullptr) return fail(Error::message(strings::cat("unrecognized option '", shown, "'")));
  if (row->takes == Takes::kNothing) return GivenOption{row, {}};
  const std::string_view rest = joined_;
  joined_ = {};
  if (!rest.empty() || row->takes == Takes::kOptionalValue) return GivenOption{row, rest};
  const auto next = take_word();
  if (!next) return fail(needs_value(shown));
  return GivenOption{row, *next};
}

Result<std::optional<GivenOption>> ArgumentScanner::next() {
  while (joined_.empty()) {
    const auto word = take_word();
    if (!word) return std::nullopt;
    if (*word == "--") {
      arguments_.insert(arguments_.end(), argv_ + next_, argv_ + argc_);
      next_ = argc_;
    } else if (word->starts_with("--")) {
      return TRY(take_long(*word));
    } else if (word->starts_with('-') && word->size() > 1) {
      joined_ = word->substr(1);
    } else {
      arguments_.emplace_back(*word);
      if (!posix_) continue;
      arguments_.insert(arguments_.end(), argv_ + next_, argv_ + argc_);
      next_ = argc_;
    }
  }
  return TRY(take_letter());
}

}  // namespace berth::cli
