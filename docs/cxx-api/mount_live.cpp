// Gives a running container a directory of the host, read-only, and takes it away again when a line was read.
//   mount_live LXCPATH NAME DIRECTORY TARGET
#include <sys/mount.h>
#include <berth/container.hpp>

#include <cstdio>

using namespace berth::api;

namespace {

Status lend(const char* lxcpath, const char* name, const char* directory, const char* target) {
  const auto container = Container::open(name, lxcpath);
  if (!container) return std::unexpected(container.error());
  const Mount mount{.source = directory, .target = target, .flags = MS_RDONLY | MS_NOSUID | MS_NODEV};
  if (auto mounted = container->mount(mount); !mounted) return mounted;
  std::puts("mounted");
  std::fflush(stdout);
  while (std::getchar() > '\n') {
  }
  return container->unmount(target);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const Status done = lend(argv[1], argv[2], argv[3], argv[4]);
  if (done) return 0;
  std::fputs(done.error().text("mount_live", argv[2]).c_str(), stderr);
  return 1;
}
