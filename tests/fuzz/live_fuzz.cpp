// The data of a mount, the names of interfaces, and what iw says of one, of any kind.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "os/netlink.hpp"
#include "runtime/mount_data.hpp"
#include "runtime/radio.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(bytes), size};
  std::size_t total = 0;
  for (const auto& [key, value] : berth::runtime::parse_mount_data(text).options) {
    if (key.empty() && !value) std::abort();
    total += key.size() + value.value_or("").size();
  }
  if (total > size) std::abort();
  if (berth::os::is_interface_name(text) && (size == 0 || size > 15 || text.find('/') != text.npos)) std::abort();
  if (berth::runtime::parse_radio(text) && text.find("wiphy") == text.npos) std::abort();
  return 0;
}
