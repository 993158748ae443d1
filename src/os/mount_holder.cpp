// Runs in: host commands.
#include "os/mount_holder.hpp"

#include <algorithm>
#include <set>

#include "base/strings.hpp"
#include "os/mount_table.hpp"
#include "sys/file.hpp"

namespace berth::os {
namespace {

// By its source: btrfs gives its mounts numbers of no device.
bool is_mounted_for(std::string_view process, std::string_view device) {
  const auto table = load_mount_table(strings::cat("/proc/", process, "/mountinfo"));
  return table && std::ranges::any_of(*table, [device](const MountEntry& entry) { return entry.source == device; });
}

}  // namespace

std::optional<MountHolder> find_mount_holder(std::string_view device) {
  if (is_mounted_for("self", device)) return std::nullopt;
  const auto entries = sys::list_directory("/proc");
  if (!entries) return std::nullopt;
  std::set<std::string> looked_at;  // namespaces
  for (const auto& entry : *entries) {
    const auto pid = strings::parse_number<pid_t>(entry.name);
    const auto space = pid ? sys::read_link(strings::cat("/proc/", entry.name, "/ns/mnt")) : Result<std::string>();
    if (!pid || !space || !looked_at.insert(*space).second || !is_mounted_for(entry.name, device)) continue;
    const auto name = sys::read_file(strings::cat("/proc/", entry.name, "/comm"));
    return MountHolder{*pid, name ? std::string(strings::trim(*name)) : std::string("?")};
  }
  return std::nullopt;
}

}  // namespace berth::os
