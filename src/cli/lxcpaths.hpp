// The option -P of commands that look at more than one lxcpath.
#pragma once

#include <string>
#include <vector>

#include "cli/option.hpp"

namespace berth::cli {

struct WithLxcpaths : Common {
  std::vector<std::string> lxcpaths;  // absolute, without '/' at their ends
};

// A row's store: one more of them. Error: it is not absolute.
Status add_lxcpath(Common& options, std::string_view value);
// Those that were given, else the one of lxc.conf.
Result<std::vector<std::string>> lxcpaths_of(const WithLxcpaths& options);

}  // namespace berth::cli
