// Changes the configuration of a container, by types and by keys, and saves it.
//   edit_config LXCPATH NAME
#include <berth/container.hpp>

#include <cstdio>

using namespace berth::api;

namespace {

Status edit(Config& config) {
  if (auto done = config.set_host_name("edited"); !done) return done;
  if (auto done = config.set_environment("GREETING", "hello world"); !done) return done;
  if (auto done = config.add_mount({.source = "/usr/share", .target = "srv/share", .options = "bind,ro,create=dir"}); !done)
    return done;
  if (auto done = config.set_resource_limit({.name = "nofile", .soft = 512, .hard = 1024}); !done) return done;
  if (auto done = config.set_network({.index = 0, .type = "empty", .up = true}); !done) return done;
  return config.replace("lxc.tty.max", "1");  // any other key
}

void show(const Config& config) {
  std::printf("host name %s, root %s\n", config.host_name().c_str(), config.root_file_system().path.c_str());
  for (const Network& network : config.networks()) std::printf("network %u: %s\n", network.index, network.type.c_str());
  for (const auto& [name, value] : config.environment()) std::printf("%s=%s\n", name.c_str(), value.value_or("").c_str());
}

Status edit_container(const char* lxcpath, const char* name) {
  const auto container = Container::open(name, lxcpath);
  if (!container) return std::unexpected(container.error());
  auto config = container->config();
  if (!config) return std::unexpected(config.error());
  if (auto done = edit(*config); !done) return done;
  show(*config);
  return container->save_config(*config);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const Status done = edit_container(argv[1], argv[2]);
  if (done) return 0;
  std::fputs(done.error().text("edit_config", argv[2]).c_str(), stderr);
  return 1;
}
