// Runs in: host commands.
#include "storage/block/size_text.hpp"

#include <array>
#include <string_view>

#include "base/strings.hpp"

namespace berth::storage::block {

std::string size_text(std::uint64_t bytes) {
  constexpr auto kUnits = std::to_array<std::string_view>({" bytes", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"});
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && (bytes >> (10 * (unit + 1))) != 0) ++unit;
  if (unit == 0) return strings::cat(bytes, kUnits[unit]);
  const std::uint64_t below = (bytes >> (10 * (unit - 1))) & 1023;  // of the next smaller unit
  const std::uint64_t whole = bytes >> (10 * unit), tenth = below * 10 / 1024;
  return tenth == 0 ? strings::cat(whole, kUnits[unit]) : strings::cat(whole, ".", tenth, kUnits[unit]);
}

}  // namespace berth::storage::block
