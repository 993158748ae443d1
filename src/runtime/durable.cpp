// Runs in: the commands that make containers.
#include "runtime/durable.hpp"

#include <fcntl.h>

#include "base/fd.hpp"
#include "os/paths.hpp"
#include "sys/file.hpp"

namespace berth::runtime {

Status sync_filesystem_of(const std::string& path) {
  const Fd directory = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
  return sys::sync_filesystem(directory.get(), path);
}

Status sync_container(const std::string& directory, const storage::BackingStore* store, const std::string& root) {
  const bool elsewhere =
      store != nullptr && store->traits().in_directory && !store->traits().is_block && !os::is_below(root, directory);
  if (elsewhere && sys::exists(root)) TRY(sync_filesystem_of(root));
  return sync_filesystem_of(directory);
}

}  // namespace berth::runtime
