// Runs in: host commands.
#include "cli/start_options.hpp"

#include "base/log.hpp"

namespace berth::cli {

runtime::StartRequest launch_request(const LaunchOptions& options) {
  runtime::StartRequest request;
  request.command = options.arguments;
  request.defines = options.defines;
  request.shared_namespaces = options.shared;
  request.rcfile = options.rcfile;
  request.program = options.log_program;
  request.log_file = options.log_file;
  if (const auto level = log::parse_level(options.log_level)) request.log_level = static_cast<unsigned>(*level);
  return request;
}

}  // namespace berth::cli
