// The terminal of the user joined to one of a container.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::cli {

// Ctrl+LETTER, the same for both cases; 0 for what is no letter.
constexpr char control_character(char letter) {
  const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
  return is_letter ? static_cast<char>(letter & 0x1f) : '\0';
}

// Finds the escape in what the user types: escape then q leaves, escape twice sends it once, escape before anything else
// sends both.
class EscapeFilter {
 public:
  explicit EscapeFilter(char escape) : escape_(escape) {}
  // Appends to `out` what the container shall get. False: the user leaves; the rest of `typed` is dropped.
  bool feed(std::string_view typed, std::string& out);

 private:
  char escape_;
  bool pending_ = false;
};

// Copies between standard input and output and `master` until the user leaves, standard input ends, or the container does.
// The terminal is raw meanwhile and is restored whatever ends the session, signals too; the window's size is passed on.
Status run_console(int master, char escape);

}  // namespace berth::cli
