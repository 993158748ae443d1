// What a replacement of a file (sys/file.hpp) that was killed leaves behind.
#pragma once

#include <string_view>

namespace berth::sys {

// Whether `name` is called as what replace_file() of `base` writes beside it, and leaves there when it is killed. A file of the
// user's may be called so too: ask only about names that nobody else would choose.
bool is_replacement_of(std::string_view name, std::string_view base);

}  // namespace berth::sys
