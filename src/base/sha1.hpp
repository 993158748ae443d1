// SHA-1 of a text. Only to name a template's version as LXC does in the header of a configuration; proves nothing against an
// attacker.
#pragma once

#include <string>
#include <string_view>

namespace berth {

// 40 lower-case hexadecimal digits.
std::string sha1_hex(std::string_view data);

}  // namespace berth
