// Runs in: the command or library caller that reads configuration.
#include "config/line.hpp"

#include "base/strings.hpp"

namespace berth::config {
namespace {

bool is_quoted(std::string_view value) {
  if (value.size() < 2 || value.front() != value.back()) return false;
  return value.front() == '"' || value.front() == '\'';
}

}  // namespace

Result<Line> read_line(std::string_view text) {
  Line line;
  const std::string_view content = strings::trim(text);
  if (!content.starts_with("lxc.")) return line;
  if (content.find('\0') != std::string_view::npos) return fail("the line holds a NUL byte");
  const std::size_t equals = content.find('=');
  if (equals == std::string_view::npos) {
    return fail(Error::message(strings::cat("expected \"key = value\", found no \"=\" after \"", content, "\"")));
  }
  line.assignment = true;
  line.key = strings::trim_right(content.substr(0, equals));
  line.value = strings::trim(content.substr(equals + 1));
  if (is_quoted(line.value)) line.value = line.value.substr(1, line.value.size() - 2);
  if (!line.value.empty()) line.column = static_cast<unsigned>(line.value.data() - text.data()) + 1;
  return line;
}

std::string quoted_value(std::string_view value) {
  const bool bare = strings::trim(value).size() == value.size() && !is_quoted(value);
  return bare ? std::string(value) : strings::cat('"', value, '"');
}

}  // namespace berth::config
