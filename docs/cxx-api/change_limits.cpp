// Limits the memory of a container: the one that runs now, and each one that is started later.
//   change_limits LXCPATH NAME BYTES
#include <berth/container.hpp>

#include <cstdio>

using namespace berth::api;

namespace {

Status limit_memory(const char* lxcpath, const char* name, const char* bytes) {
  const auto container = Container::open(name, lxcpath);
  if (!container) return std::unexpected(container.error());
  // On hosts with cgroup v1 this is memory.limit_in_bytes.
  if (auto done = container->set_cgroup_item("memory.max", bytes); !done) return done;
  const auto now = container->cgroup_item("memory.max");
  if (!now) return std::unexpected(now.error());
  std::printf("limit now: %s\n", now->c_str());
  auto config = container->config();
  if (!config) return std::unexpected(config.error());
  if (auto done = config->set_cgroup({.version = 2, .file = "memory.max", .value = bytes}); !done) return done;
  return container->save_config(*config);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const Status done = limit_memory(argv[1], argv[2], argv[3]);
  if (done) return 0;
  std::fputs(done.error().text("change_limits", argv[2]).c_str(), stderr);
  return 1;
}
