// Changes the values in the text of a configuration, and nothing else of it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace berth::config {

// The new value of a line; nothing: it stays as it is.
using ValueEdit = std::function<std::optional<std::string>(std::string_view key, std::string_view value)>;

// Comments, blanks, order and foreign lines stay, and so do lines that clear a key.
std::string rewrite_values(std::string_view text, const ValueEdit& edit);

// Applies `edit` to each piece between the characters of `separators`, which stay.
std::string rewrite_words(std::string_view value, std::string_view separators,
                          const std::function<std::string(std::string_view word)>& edit);

}  // namespace berth::config
