// Names and descriptions of error numbers, without the C library: the monitor has none.
#pragma once

#include <string_view>

namespace berth {

// "EINVAL"; empty for a number that has no name.
std::string_view errno_symbol(int code);
// "Invalid argument"; "unknown error" for a number that has none.
std::string_view errno_description(int code);

}  // namespace berth
