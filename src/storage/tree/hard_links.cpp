// Runs in: host commands that copy a container.
#include "storage/tree/hard_links.hpp"

#include <fcntl.h>

#include "base/fd.hpp"
#include "sys/raw.hpp"

namespace berth::storage {
namespace {

using sys::raw::call;
constexpr std::size_t kPart = 3000;  // below PATH_MAX with the longest name added

}  // namespace

long link_below(int top, const std::string& path, int directory, const std::string& name) {
  std::string rest = path;
  Fd owner;
  int from = top;
  while (rest.size() > kPart) {
    const std::size_t slash = rest.rfind('/', kPart);
    if (slash == std::string::npos) return -ENAMETOOLONG;
    const long fd = call(SYS_openat, from, rest.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return fd;
    owner = Fd(static_cast<int>(fd));
    from = owner.get();
    rest.erase(0, slash + 1);
  }
  return call(SYS_linkat, from, rest.c_str(), directory, name.c_str(), 0);
}

}  // namespace berth::storage
