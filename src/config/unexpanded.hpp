// Edits of the text that save writes back.
#pragma once

#include <string>
#include <string_view>

namespace berth::config {

// Adds "key = value" as a line of its own at the end.
void append_line(std::string& text, std::string_view key, std::string_view value);

// Removes the lines that set `key`. `with_subkeys` also removes KEY.ANYTHING. Comments, blanks and foreign lines stay.
void remove_lines(std::string& text, std::string_view key, bool with_subkeys);

}  // namespace berth::config
