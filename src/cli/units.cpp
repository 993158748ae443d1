// Runs in: host commands.
#include "cli/units.hpp"

#include <cstdio>

namespace berth::cli {
namespace {

std::string with_two_decimals(double value, const char* unit) {
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%.2f%s", value, unit);
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  constexpr double kKibi = 1024;
  if (bytes < 1ULL << 10) return std::to_string(bytes) + " bytes";
  const auto value = static_cast<double>(bytes);
  if (bytes < 1ULL << 20) return with_two_decimals(value / kKibi, " KiB");
  if (bytes < 1ULL << 30) return with_two_decimals(value / (kKibi * kKibi), " MiB");
  if (bytes < 1ULL << 40) return with_two_decimals(value / (kKibi * kKibi * kKibi), " GiB");
  return with_two_decimals(value / (kKibi * kKibi * kKibi * kKibi), " TiB");
}

std::string human_seconds(std::uint64_t nanoseconds) {
  return with_two_decimals(static_cast<double>(nanoseconds) / 1e9, " seconds");
}

std::string megabytes(std::uint64_t bytes) { return with_two_decimals(static_cast<double>(bytes) / (1024.0 * 1024.0), "MB"); }

}  // namespace berth::cli
