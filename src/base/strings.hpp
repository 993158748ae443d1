// Small string helpers that the standard library of GCC 12 lacks.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth::strings {

inline constexpr std::string_view kBlanks = " \t\r\n\v\f";

std::string_view trim(std::string_view text, std::string_view set = kBlanks);
std::string_view trim_left(std::string_view text, std::string_view set = kBlanks);
std::string_view trim_right(std::string_view text, std::string_view set = kBlanks);

// Non-empty pieces between any of the characters in `separators`.
std::vector<std::string_view> split_words(std::string_view text, std::string_view separators = kBlanks);
// All pieces, empty ones too: "a,,b" gives three.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> pieces, std::string_view separator);

// The whole text as a decimal integer, or nothing. A leading '+' is not accepted, '-' only for signed types.
template <typename T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
  return value;
}

// The candidate nearest to `word` by edit distance, when near enough to be a likely slip of the pen.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates);

// Concatenates strings, characters and integers without a format string.
namespace detail {
inline void append(std::string& out, std::string_view piece) { out.append(piece); }
inline void append(std::string& out, char piece) { out.push_back(piece); }
template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, char> && !std::is_same_v<T, bool>)
void append(std::string& out, T piece) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, piece).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}
}  // namespace detail

template <typename... Pieces>
std::string cat(const Pieces&... pieces) {
  std::string out;
  (detail::append(out, pieces), ...);
  return out;
}

// For text from somebody who is not trusted, on its way to a terminal or a log: control characters, those of the second set
// (U+0080 to U+009F) too, and bytes that are no UTF-8 become '?'.
std::string printable(std::string_view text);

// 'it''s' for a shell: text in single quotes, safe as one word.
std::string shell_quote(std::string_view text);

}  // namespace berth::strings
