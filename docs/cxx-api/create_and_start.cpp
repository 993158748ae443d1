// Makes a container by a template and starts it.
//   create_and_start NAME [TEMPLATE [LXCPATH]]
#include <berth/container.hpp>

#include <cstdio>

using namespace berth::api;

namespace {

Result<pid_t> bring_up(const char* name, const char* template_name, const char* lxcpath) {
  Config config;  // in place of lxc.default_config; the template adds the rest
  if (auto done = config.set_network({.index = 0, .type = "empty", .up = true}); !done) return std::unexpected(done.error());
  const auto container = Container::create(name, {.template_name = template_name, .config = &config}, lxcpath);
  if (!container) return std::unexpected(container.error());
  const auto started = container->start();
  if (!started) return std::unexpected(started.error());
  for (const std::string& warning : started->warnings) std::fprintf(stderr, "%s\n", warning.c_str());
  return started->init_pid;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto pid = bring_up(argv[1], argc > 2 ? argv[2] : "busybox", argc > 3 ? argv[3] : "");
  if (!pid) {
    std::fputs(pid.error().text("create_and_start", argv[1]).c_str(), stderr);
    return 1;
  }
  std::printf("%s runs, its init is process %d\n", argv[1], *pid);
}
