// Runs in: host commands.
#include "cli/table.hpp"

#include <algorithm>

namespace berth::cli {
namespace {

constexpr std::size_t kGap = 2;

// Columns that a terminal shows for `text`: continuation bytes of UTF-8 take none.
std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void append_padded(std::string& out, const std::string& text, std::size_t width) {
  out += text;
  const std::size_t used = columns_of(text);
  if (used < width) out.append(width - used, ' ');
}

}  // namespace

std::string layout_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.empty() ? 0 : rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      append_padded(text, row[i], widths[i]);
      text += ' ';
    }
    text += '\n';
  }
  return text;
}

std::string layout_words(const std::vector<std::string>& words, std::size_t width) {
  std::size_t longest = 0;
  for (const std::string& word : words) longest = std::max(longest, columns_of(word));
  const std::size_t columns = std::max<std::size_t>(1, width / (longest + kGap));
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    append_padded(text, words[i], longest);
    const bool line_ends = (i + 1) % columns == 0;
    if (!line_ends) text.append(kGap, ' ');
    if (line_ends || i + 1 == words.size()) text += '\n';
  }
  return text;
}

}  // namespace berth::cli
