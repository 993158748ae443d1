// Mount lines, root file system options and command lines of any kind.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/command_line.hpp"
#include "config/mount_entry.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_options(const berth::config::MountOptions& options) {
  require((options.flags & options.cleared) == 0);
  require(options.data.find('\0') == std::string::npos);
  require(options.idmap.empty() || options.idmap == "container" || options.idmap.front() == '/');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto entries = berth::config::parse_fstab(text, "fuzz");
  if (entries) {
    for (const auto& entry : *entries) {
      require(!entry.source.empty() && !entry.target.empty() && !entry.type.empty() && entry.line > 0);
      require(entry.source.find('\0') == std::string::npos && entry.target.find('\0') == std::string::npos);
      check_options(entry.options);
    }
  } else {
    require(entries.error().origin().line > 0);
  }
  if (const auto options = berth::config::parse_rootfs_options(text); options && text.find('\0') == std::string_view::npos) {
    check_options(*options);
  }
  [[maybe_unused]] const auto words = berth::config::split_command_line(text);
  return 0;
}
