// The manual page of a command: its option table as man(7), and what a help text has no room for.
#pragma once

#include <string>
#include <string_view>

#include "cli/option.hpp"

namespace berth::cli {

std::string manual_page(const Command& command);

// Text as it is, whatever it holds.
std::string roff(std::string_view text);

}  // namespace berth::cli
