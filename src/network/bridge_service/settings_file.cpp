// Runs in: lxc-net.
#include "network/bridge_service/settings_file.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/strings.hpp"

namespace berth::network::bridge_service {
namespace {

constexpr std::size_t kMostFiles = 32;          // a file that reads itself twice would go on for ever
constexpr std::size_t kLongestValue = 4 << 10;  // bytes; variables in one another's values can grow without an end

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::size_t name_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && (is_letter(text[length]) || (length > 0 && is_digit(text[length])))) ++length;
  return length;
}

// Takes the words of one line apart as a shell would, as far as that goes without running anything.
class LineScanner {
 public:
  using Lookup = std::function<const std::string*(std::string_view)>;
  LineScanner(std::string_view line, Lookup lookup) : rest_(line), lookup_(std::move(lookup)) {}

  // At the next word, or at the end (also at that of a comment).
  bool at_word() {
    while (!rest_.empty() && (is_blank(rest_.front()) || rest_.front() == ';')) rest_.remove_prefix(1);
    return !rest_.empty() && rest_.front() != '#';
  }
  std::optional<std::string> take_name() {
    const std::size_t length = name_length(rest_);
    if (length == 0 || length >= rest_.size() || rest_[length] != '=') return std::nullopt;
    const std::string name(rest_.substr(0, length));
    rest_.remove_prefix(length + 1);
    return name;
  }
  bool take_word(std::string_view word) {
    if (!rest_.starts_with(word) || (rest_.size() > word.size() && !is_blank(rest_[word.size()]))) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool at_plain_name() {
    const std::size_t length = name_length(rest_);
    return length > 0 && (length == rest_.size() || is_blank(rest_[length]) || rest_[length] == ';');
  }
  void skip_name() { rest_.remove_prefix(name_length(rest_)); }

  // To the next blank outside of quotes.
  Result<std::string> take_value() {
    std::string value;
    while (!rest_.empty() && !is_blank(rest_.front()) && rest_.front() != ';') TRY(take_piece(value));
    return value;
  }

 private:
  char next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  Status take_piece(std::string& value) {
    switch (const char c = next()) {
      case '\'':
        return take_single(value);
      case '"':
        return take_double(value);
      case '\\':
        if (rest_.empty()) return fail("a line that goes on in the next one is not understood");
        value += next();
        return {};
      case '$':
        return take_variable(value);
      case '`':
      case '|':
      case '&':
      case '<':
      case '>':
      case '(':
      case ')':
        return fail(strings::cat("'", c, "' outside of quotes needs a shell"));
      default:
        value += c;
        return {};
    }
  }

  Status take_single(std::string& value) {
    const std::size_t end = rest_.find('\'');
    if (end == rest_.npos) return fail("a single quote is not closed on this line");
    value += rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return {};
  }

  Status take_double(std::string& value) {
    while (!rest_.empty()) {
      const char c = next();
      if (c == '"') return {};
      if (c == '`') return fail("a command in backquotes needs a shell");
      if (c == '$')
        TRY(take_variable(value));
      else if (c == '\\' && !rest_.empty() && std::string_view("\"\\$`").find(rest_.front()) != std::string_view::npos)
        value += next();
      else
        value += c;
    }
    return fail("a double quote is not closed on this line");
  }

  Status take_variable(std::string& value) {
    const bool braces = rest_.starts_with('{');
    const std::string_view name = rest_.substr(braces ? 1 : 0, name_length(rest_.substr(braces ? 1 : 0)));
    const std::size_t end = name.size() + (braces ? 1 : 0);
    if (name.empty() || (braces && (end >= rest_.size() || rest_[end] != '}')))
      return fail("'$' with anything but the name of a variable needs a shell");
    const std::string* found = lookup_(name);
    if (found == nullptr) return fail(strings::cat("'$", name, "' is set nowhere before this line"));
    if (value.size() + found->size() > kLongestValue) return fail(strings::cat("'$", name, "' makes the value too long"));
    value += *found;
    rest_.remove_prefix(end + (braces ? 1 : 0));
    return {};
  }

  std::string_view rest_;
  Lookup lookup_;
};

std::string_view without_quotes(std::string_view word) {
  if (word.size() >= 2 && word.front() == word.back() && (word.front() == '"' || word.front() == '\''))
    word = word.substr(1, word.size() - 2);
  return word;
}

struct Inclusion {
  std::string_view path;
  bool optional;
};

bool is_file_test(std::string_view word) { return word == "-f" || word == "-e" || word == "-r" || word == "-s"; }

// The words before ". FILE" are a test of that file's presence. A bracket with '!' goes with "||", one without with "&&".
bool is_presence_test(std::span<const std::string_view> words, std::string_view path) {
  if (words.size() < 4) return false;
  const std::string_view joint = words.back();
  words = words.first(words.size() - 1);
  const bool bracket = words.front() == "[" && words.back() == "]";
  if (!bracket && words.front() != "test") return false;
  words = words.subspan(1, words.size() - (bracket ? 2 : 1));
  const bool negated = !words.empty() && words.front() == "!";
  if (negated) words = words.subspan(1);
  return words.size() == 2 && is_file_test(words[0]) && without_quotes(words[1]) == path && joint == (negated ? "||" : "&&");
}

std::optional<Inclusion> inclusion_in(std::string_view line) {
  const auto words = strings::split_words(line);
  if (words.size() < 2) return std::nullopt;
  const std::string_view path = without_quotes(words.back()), verb = words[words.size() - 2];
  if ((verb != "." && verb != "source") || path.find_first_of("$`*?\\\"'") != path.npos) return std::nullopt;
  const std::span before = std::span(words).first(words.size() - 2);
  if (before.empty()) return Inclusion{path, false};
  if (!is_presence_test(before, path)) return std::nullopt;
  return Inclusion{path, true};
}

}  // namespace

std::string describe(const std::vector<SettingsProblem>& problems) {
  std::string text;
  for (const SettingsProblem& problem : problems) {
    if (problem.origin.known()) text += strings::cat(problem.origin.file, ':', problem.origin.line, ": ");
    text += strings::cat(strings::printable(problem.text), '\n');
  }
  return text;
}

bool SettingsFileReader::has_read(std::string_view path) const {
  return std::ranges::find(text_.files, path) != text_.files.end();
}

const std::string* SettingsFileReader::value_of(std::string_view name) const {
  for (auto row = text_.assignments.rbegin(); row != text_.assignments.rend(); ++row) {
    if (row->name == name) return &row->value;
  }
  return nullptr;
}

void SettingsFileReader::read(const std::string& path, bool optional) {
  text_.files.push_back(path);
  const auto text = fetch_(path);
  if (text) return read_text(path, *text);
  if (optional && text.error().code() == ENOENT) return;
  text_.problems.push_back({{}, strings::cat("the settings can't be read: ", text.error().line())});
}

void SettingsFileReader::read_text(const std::string& path, std::string_view text) {
  unsigned number = 0;
  for (const std::string_view line : strings::split(text, '\n')) {
    ++number;
    const std::string_view content = strings::trim(line);
    if (!content.empty() && content.front() != '#') read_line({path, number, std::string(content)});
  }
}

void SettingsFileReader::read_line(const Origin& origin) {
  if (origin.text.find('\0') != std::string::npos) {
    text_.problems.push_back({origin, "a NUL byte is no text"});
  } else if (const auto found = inclusion_in(origin.text)) {
    include(origin, found->path, found->optional);
  } else {
    read_assignments(origin);
  }
}

void SettingsFileReader::include(const Origin& origin, std::string_view path, bool optional) {
  if (!path.starts_with('/')) {
    text_.problems.push_back({origin, strings::cat("the file '", path, "' needs its whole path, from '/'")});
  } else if (text_.files.size() == kMostFiles) {
    text_.problems.push_back({origin, "settings files that read one another go on without an end"});
  } else {
    read(std::string(path), optional);
  }
}

void SettingsFileReader::read_assignments(const Origin& origin) {
  LineScanner scanner(origin.text, [this](std::string_view name) { return value_of(name); });
  while (scanner.at_word()) {
    if (scanner.take_word("export")) continue;
    auto name = scanner.take_name();
    if (!name && origin.text.starts_with("export") && scanner.at_plain_name()) {
      scanner.skip_name();
      continue;
    }
    if (!name) {
      text_.problems.push_back({origin, strings::cat("'", origin.text, "' needs a shell; NAME=VALUE is expected")});
      return;
    }
    auto value = scanner.take_value();
    if (!value) {
      text_.problems.push_back({origin, strings::cat(*name, ": ", value.error().line())});
      return;
    }
    text_.assignments.push_back({std::move(*name), std::move(*value), origin});
  }
}

}  // namespace berth::network::bridge_service
