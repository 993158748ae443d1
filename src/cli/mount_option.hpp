// The argument of lxc-copy --mount: bind=/source[:/target][:ro|rw] or overlay=/source[:/target], several joined by commas.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::cli {

struct CopyMount {
  std::string source;  // absolute; it exists
  std::string target;  // below the root, without the first '/'
  bool overlay = false, read_only = false, directory = false;
};

// Errors: a word that is none of these forms, a relative path, a source that is missing or can't be overlaid.
Result<std::vector<CopyMount>> parse_mount_option(std::string_view text);

// As a value of lxc.mount.entry.
std::string bind_entry(const CopyMount& mount);
// The changes go to `upper`; `work` is the kernel's, beside it.
std::string overlay_entry(const CopyMount& mount, const std::string& upper, const std::string& work);

}  // namespace berth::cli
