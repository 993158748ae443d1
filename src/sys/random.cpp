// Runs in: every process.
#include "sys/random.hpp"

#include "sys/outcome.hpp"

namespace berth::sys {

Status fill_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const long got = detail::retry(SYS_getrandom, bytes.data(), bytes.size(), 0);
    TRY(detail::status(got, "getrandom"));
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

}  // namespace berth::sys
