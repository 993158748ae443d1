// Runs in: the commands that remove, copy or rename a container.
#include "runtime/other_path.hpp"

#include <sys/stat.h>

#include <utility>

#include "runtime/list.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr int kPatience = 5;  // seconds: anybody may have an address like a monitor's

bool is_same_directory(const struct ::stat& one, const std::string& path) {
  const auto other = sys::stat(path);
  return other && other->st_dev == one.st_dev && other->st_ino == one.st_ino;
}

void add_hashed(std::vector<std::string>& lxcpaths, const std::vector<std::string>& addresses, const std::string& name) {
  for (const std::string& address : addresses) {
    CommandClient client = CommandClient::at_address(address);
    client.set_timeout(kPatience);
    const auto named = client.name();
    if (!named || *named != name) continue;
    if (auto path = client.lxcpath()) lxcpaths.push_back(std::move(*path));
  }
}

}  // namespace

Result<std::vector<Container>> running_by_other_paths(const Container& container) {
  std::vector<Container> running;
  const auto own = sys::stat(container.directory());
  if (!own) return running;
  NamedSockets sockets = parse_sockets_of(TRY(sys::read_file("/proc/net/unix")), container.name());
  add_hashed(sockets.lxcpaths, sockets.hashed, container.name());
  for (const std::string& lxcpath : sockets.lxcpaths) {
    auto other = Container::open(container.name(), lxcpath);
    if (!other || other->lxcpath() == container.lxcpath() || !is_same_directory(*own, other->directory())) continue;
    other->set_timeout(kPatience);
    if (const auto state = other->state(); state && *state != State::kStopped) running.push_back(std::move(*other));
  }
  return running;
}

}  // namespace berth::runtime
