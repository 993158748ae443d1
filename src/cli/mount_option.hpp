// The argument of lxc-copy --mount: bind=/source[:/target][:ro|rw], several joined by commas.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::cli {

// As values of lxc.mount.entry. Errors: a word that is none of these forms, a relative path, an overlay.
Result<std::vector<std::string>> parse_mount_option(std::string_view text);

}  // namespace berth::cli
