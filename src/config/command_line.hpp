// Command lines in values: lxc.init.cmd, lxc.execute.cmd.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::config {

// Splits as a shell would, without expansions: blanks separate; '...' keeps everything; "..." keeps everything but \" and \\;
// \C outside quotes is C. An unbalanced quote or a final backslash is an Error.
Result<std::vector<std::string>> split_command_line(std::string_view text);

}  // namespace berth::config
