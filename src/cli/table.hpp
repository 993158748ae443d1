// Text in columns, as LXC lays it out.
#pragma once

#include <string>
#include <vector>

namespace berth::cli {

// Rows of equal length, the first one the head. Every cell is padded to its column and followed by one blank.
std::string layout_table(const std::vector<std::vector<std::string>>& rows);

// Words in as many columns of equal width as fit, two blanks apart. width 0: one a line.
std::string layout_words(const std::vector<std::string>& words, std::size_t width);

}  // namespace berth::cli
