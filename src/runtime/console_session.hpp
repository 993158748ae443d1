// The terminal of the user joined to one of a container.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::runtime {

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

// The user's side; not owned.
struct ConsoleDescriptors {
  int in = 0, out = 1, err = 2;
};

// Copies between the user's descriptors and `master` until the user leaves, the input ends, or the container does.
// The terminal is raw meanwhile and is restored whatever ends the session, signals too; the window's size is passed on.
// Signals of this thread are blocked meanwhile.
Status run_console(int master, char escape, const ConsoleDescriptors& user = {});

}  // namespace berth::runtime
