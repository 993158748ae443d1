// lxc-update-config: whatever the file, what comes out has nothing left to change.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/update.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using berth::config::update_names;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto once = update_names(text, "file");
  if (!once) return 0;
  if (once->changes.empty() && once->text != text) std::abort();
  const auto twice = update_names(once->text, "file");
  if (!twice || !twice->changes.empty() || twice->text != once->text) std::abort();
  return 0;
}
