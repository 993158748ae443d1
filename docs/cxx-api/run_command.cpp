// Runs a command in a container and shows what it has printed.
//   run_command LXCPATH NAME COMMAND [ARGUMENT...]
#include <berth/container.hpp>

#include <cstdio>

using namespace berth::api;

namespace {

Result<Output> run(const char* lxcpath, const char* name, const std::vector<std::string>& command) {
  const auto container = Container::open(name, lxcpath);
  if (!container) return std::unexpected(container.error());
  return container->capture(command, "", {.directory = "/", .clear_environment = true, .environment = {"PATH=/usr/bin:/bin"}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto output = run(argv[1], argv[2], std::vector<std::string>(argv + 3, argv + argc));
  if (!output) {
    std::fputs(output.error().text("run_command", argv[2]).c_str(), stderr);
    return 125;
  }
  std::printf("printed: %s", output->out.c_str());
  std::fprintf(stderr, "complained: %s", output->err.c_str());
  return output->status.code();
}
