// Reading lxc.conf from memory, apart from where the file is.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace berth::config {

// Known keys with their values; later lines win, unknown keys and comments are passed over, as LXC does.
std::map<std::string, std::string, std::less<>> parse_global(std::string_view text);

}  // namespace berth::config
