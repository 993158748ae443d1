// Runs in: host commands.
#include "storage/tree/mounts_below.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "os/mount_table.hpp"
#include "os/paths.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using os::MountEntry;

Result<std::string> real_path(const Fd& directory) { return sys::read_link(strings::cat("/proc/self/fd/", directory.get())); }

bool is_absent(const Error& error) { return error.code() == ENOENT || error.code() == ENOTDIR || error.code() == ELOOP; }

// `entries` in the order of the mount table.
Status refuse(const std::vector<MountEntry>& entries, const std::string& path) {
  std::string places, unmounts;
  for (const MountEntry& entry : entries) {
    places += strings::cat(places.empty() ? "" : ", ", entry.target);
    unmounts = strings::cat("umount ", strings::shell_quote(entry.target), unmounts.empty() ? "" : "; ", unmounts);
  }
  if (places.empty()) return {};
  return fail(Error::from_errno(EBUSY, "remove", path)
                  .because(strings::cat("something is mounted there: ", places))
                  .hint(unmounts + ", then destroy again"));
}

}  // namespace

Status refuse_mounts(const std::string& path) {
  const auto directory = sys::open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!directory && is_absent(directory.error())) return {};
  if (!directory) return fail(directory.error());
  const std::string real = TRY(real_path(*directory));
  auto entries = TRY(os::load_mount_table());
  std::erase_if(entries, [&](const MountEntry& entry) { return !os::is_below(entry.target, real); });
  return refuse(entries, path);
}

Status refuse_mounts_below(const std::string& directory, const std::vector<std::string>& keep,
                           const std::vector<std::string>& sources) {
  const auto opened = sys::open(directory, O_PATH | O_DIRECTORY);
  if (!opened && is_absent(opened.error())) return {};
  if (!opened) return fail(opened.error());
  const std::string real = TRY(real_path(*opened));
  const auto stays = [&](const MountEntry& entry) {
    return std::ranges::any_of(keep, [&](const std::string& name) { return os::is_below(entry.target, real + "/" + name); });
  };
  auto entries = TRY(os::load_mount_table());
  std::erase_if(entries, [&](const MountEntry& entry) {
    const bool below = entry.target != real && os::is_below(entry.target, real);
    return !below || stays(entry) || std::ranges::find(sources, entry.source) != sources.end();
  });
  return refuse(entries, directory);
}

}  // namespace berth::storage
