// The mount table of the kernel: targets in it are named by users of the host.
#include <cstdint>
#include <cstdlib>

#include "os/mount_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = berth::os::parse_mount_table(text);
  if (!table) return 0;
  for (const berth::os::MountEntry& entry : *table) {
    (void)entry.has_option("ro");
    // A target is covered by itself or by something at least as deep.
    const berth::os::MountEntry* found = berth::os::find_mount_of(*table, entry.target);
    if (found == nullptr ? entry.target.starts_with('/') : found->target.size() < entry.target.size() && entry.target != "/")
      std::abort();
  }
  return 0;
}
