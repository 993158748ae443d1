// Runs in: host commands.
#include "cli/lxcpaths.hpp"

#include "cli/report.hpp"

namespace berth::cli {

Status add_lxcpath(Common& options, std::string_view value) {
  if (!value.starts_with('/')) {
    return fail(Error::message(strings::cat("lxcpath is not absolute: '", value, "'"))
                    .hint("give -P (--lxcpath) a path that begins with '/'"));
  }
  options.lxcpath = std::string(value);  // of a default log file
  static_cast<WithLxcpaths&>(options).lxcpaths.push_back(TRY(lxcpath_of(options)));
  return {};
}

Result<std::vector<std::string>> lxcpaths_of(const WithLxcpaths& options) {
  if (!options.lxcpaths.empty()) return options.lxcpaths;
  return std::vector{TRY(lxcpath_of(options))};
}

}  // namespace berth::cli
