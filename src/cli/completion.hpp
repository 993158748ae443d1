// The completion script for bash, made of the commands' option tables and the key table.
#pragma once

#include <string>

namespace berth::cli {

std::string bash_completion();

}  // namespace berth::cli
