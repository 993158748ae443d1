// Runs in: the command or library caller that reads configuration.
#include "config/unexpanded.hpp"

#include "config/line.hpp"

namespace berth::config {
namespace {

bool sets(std::string_view row, std::string_view key, bool with_subkeys) {
  const auto line = read_line(row);
  if (!line || !line->assignment) return false;
  if (line->key == key) return true;
  return with_subkeys && line->key.size() > key.size() && line->key.starts_with(key) && line->key[key.size()] == '.';
}

}  // namespace

void append_line(std::string& text, std::string_view key, std::string_view value) {
  if (!text.empty() && text.back() != '\n') text += '\n';
  text.append(key).append(" = ").append(quoted_value(value)).append("\n");
}

void remove_lines(std::string& text, std::string_view key, bool with_subkeys) {
  std::string kept;
  kept.reserve(text.size());
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::size_t length = end == std::string_view::npos ? rest.size() : end + 1;
    if (!sets(rest.substr(0, end), key, with_subkeys)) kept.append(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  text = std::move(kept);
}

}  // namespace berth::config
