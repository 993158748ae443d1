// One line of a configuration file.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::config {

struct Line {
  bool assignment = false;  // false: blank, comment, or a line that is not ours ("foo = 1"), which LXC ignores too
  std::string_view key;
  std::string_view value;  // trimmed, one pair of quotes removed; empty clears the key
  unsigned column = 0;     // where the value starts, counted from 1
};

// `text` is the line without its '\n'. The views point into it. Errors: "lxc." without '=', a NUL byte.
Result<Line> read_line(std::string_view text);

// The value as it must be written so that read_line gives it back.
std::string quoted_value(std::string_view value);

}  // namespace berth::config
