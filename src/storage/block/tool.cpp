// Runs in: host commands.
#include "storage/block/tool.hpp"

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::storage::block {
namespace {

std::string& replaced_path() {
  static std::string path;
  return path;
}

os::Command command_of(const Tool& tool) {
  os::Command command;
  command.program = tool.program;
  command.arguments = tool.arguments;
  command.environment = os::own_environment();
  std::erase_if(command.environment,
                [](const std::string& entry) { return entry.starts_with("LC_") || entry.starts_with("LANG"); });
  command.environment.emplace_back("LC_ALL=C");
  command.timeout = tool.timeout;
  if (!replaced_path().empty()) command.search_path = replaced_path();
  return command;
}

Error with_package(Error error, const Tool& tool) {
  if (error.code() != ENOENT || is_installed(tool.program)) return error;
  return missing_program(tool.program, tool.package);
}

}  // namespace

Error missing_program(std::string_view program, std::string_view package, int code) {
  if (package.empty())
    return Error::message(strings::cat("there is no program '", program, "'"), code)
        .hint(strings::cat("install the package that has ", program));
  return Error::message(strings::cat("there is no program '", program, "' (Debian: package ", package, ")"), code)
      .hint(strings::cat("apt install ", package));
}

Result<os::Finished> run(const Tool& tool) {
  auto finished = os::run(command_of(tool));
  if (!finished) return fail(with_package(std::move(finished.error()), tool));
  return finished;
}

Result<std::string> run_checked(const Tool& tool) {
  auto finished = os::run_checked(command_of(tool));
  if (!finished) return fail(with_package(std::move(finished.error()), tool));
  return std::move(finished->output);
}

bool is_installed(const std::string& program) {
  const std::string path = replaced_path().empty() ? os::Command{}.search_path : replaced_path();
  for (const std::string_view directory : strings::split_words(path, ":"))
    if (sys::exists(strings::cat(directory, "/", program))) return true;
  return false;
}

ScopedToolPath::ScopedToolPath(std::string path) { replaced_path() = std::move(path); }
ScopedToolPath::~ScopedToolPath() { replaced_path().clear(); }

}  // namespace berth::storage::block
