// The directories that the path of a root names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::runtime {

// LOWER:UPPER and the like have several, the last is the root's own; every other path is one. Normalised. A colon or backslash
// with a backslash before it belongs to a name, where there are several.
std::vector<std::string> root_directories(std::string_view path);

}  // namespace berth::runtime
