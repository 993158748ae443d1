// Runs in: host commands.
#include "cli/start_options.hpp"

#include "base/log.hpp"
#include "os/paths.hpp"
#include "sys/file.hpp"

namespace berth::cli {

std::string absolute_path(const std::string& path) {
  if (path.empty() || path == "none" || path.starts_with('/')) return path;
  const auto directory = sys::read_link("/proc/self/cwd");
  return directory ? os::join(*directory, path) : path;
}

runtime::StartRequest launch_request(const LaunchOptions& options) {
  runtime::StartRequest request;
  request.command = options.arguments;
  request.defines = options.defines;
  request.shared_namespaces = options.shared;
  request.rcfile = absolute_path(options.rcfile);
  request.program = options.log_program;
  request.log_file = absolute_path(options.log_file);
  if (const auto level = log::parse_level(options.log_level)) request.log_level = static_cast<unsigned>(*level);
  return request;
}

}  // namespace berth::cli
