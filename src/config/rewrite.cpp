// Runs in: host commands that copy or rename a container.
#include "config/rewrite.hpp"

#include "base/strings.hpp"
#include "config/line.hpp"

namespace berth::config {
namespace {

std::string rewrite_row(std::string_view row, const ValueEdit& edit) {
  const auto line = read_line(row);
  if (!line || !line->assignment || line->value.empty()) return std::string(row);
  const auto value = edit(line->key, line->value);
  if (!value || *value == line->value) return std::string(row);
  const std::string_view after = row.substr(row.find('=') + 1);
  const std::size_t blanks = after.size() - strings::trim_left(after).size();
  return strings::cat(row.substr(0, row.size() - after.size() + blanks), quoted_value(*value));
}

}  // namespace

std::string rewrite_values(std::string_view text, const ValueEdit& edit) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    result += rewrite_row(text.substr(0, end), edit);
    if (end == std::string_view::npos) break;
    result += '\n';
    text.remove_prefix(end + 1);
  }
  return result;
}

std::string rewrite_words(std::string_view value, std::string_view separators,
                          const std::function<std::string(std::string_view word)>& edit) {
  std::string result;
  while (!value.empty()) {
    const std::size_t begin = std::min(value.find_first_not_of(separators), value.size());
    const std::size_t end = std::min(value.find_first_of(separators, begin), value.size());
    result += value.substr(0, begin);
    if (begin < end) result += edit(value.substr(begin, end - begin));
    value.remove_prefix(end);
  }
  return result;
}

}  // namespace berth::config
