// Where the getters put a text. One pass measures, a second one fills memory of just that size, so that a text costs its reader
// no allocation but the one that holds it: `written_text`, and `write_into` for callers that bring the memory.
#pragma once

#include <algorithm>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.hpp"

namespace berth::config {

class TextWriter {
 public:
  // Measures only.
  TextWriter() = default;
  // Keeps what fits into `room`.
  explicit TextWriter(std::span<char> room) : room_(room) {}

  // Strings, characters and whole numbers, one after the other.
  template <typename... Pieces>
  void add(const Pieces&... pieces) {
    (add_one(pieces), ...);
  }

  // Of all that was added, whether it fitted or not.
  [[nodiscard]] std::size_t length() const { return length_; }
  [[nodiscard]] bool empty() const { return length_ == 0; }

 private:
  void add_one(std::string_view piece) {
    if (length_ < room_.size()) std::ranges::copy_n(piece.data(), kept(piece.size()), room_.data() + length_);
    length_ += piece.size();
  }
  void add_one(char piece) { add_one(std::string_view(&piece, 1)); }
  template <typename Number>
    requires(std::is_integral_v<Number> && !std::is_same_v<Number, char> && !std::is_same_v<Number, bool>)
  void add_one(Number piece) {
    char digits[24];
    add_one(
        std::string_view(digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, piece).ptr - digits)));
  }
  [[nodiscard]] std::ptrdiff_t kept(std::size_t size) const {
    return static_cast<std::ptrdiff_t>(std::min(size, room_.size() - length_));
  }

  std::span<char> room_;
  std::size_t length_ = 0;
};

// The text that `write`, a Status (TextWriter&), gives. It is called twice.
template <typename Write>
Result<std::string> written_text(const Write& write) {
  TextWriter measure;
  TRY(write(measure));
  std::string text(measure.length(), '\0');
  TextWriter writer(text);
  TRY(write(writer));
  return text;
}

// As snprintf(3) does: what fits into `room`, ended by a NUL byte, and the length of the whole text without it.
template <typename Write>
Result<std::size_t> write_into(std::span<char> room, const Write& write) {
  TextWriter writer(room);
  TRY(write(writer));
  if (!room.empty()) room[std::min(writer.length(), room.size() - 1)] = '\0';
  return writer.length();
}

}  // namespace berth::config
