// Runs in: host commands.
#include "cli/units.hpp"

#include <cstdio>

#include "base/strings.hpp"

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

Result<std::uint64_t> parse_file_system_size(std::string_view text) {
  constexpr std::string_view kUnits = "bkmgt";
  const auto refuse = [&](std::string_view why) { return fail(Error::message(strings::cat("'", text, "' is ", why))); };
  constexpr std::string_view kNoSize = "no size: a whole number, and one of b k M G T behind it (1536M)";
  std::size_t unit = 2;  // megabytes
  std::string_view digits = text;
  if (!digits.empty() && (digits.back() < '0' || digits.back() > '9')) {
    unit = kUnits.find(static_cast<char>(digits.back() | 0x20));
    digits.remove_suffix(1);
  }
  const auto number = strings::parse_number<std::uint64_t>(digits);
  const bool is_number = !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos;
  if (!is_number || unit == kUnits.npos) return refuse(kNoSize);
  if (!number || *number > (std::uint64_t{INT64_MAX} >> (10 * unit)))
    return refuse("too large: no file system can be of that size");
  if (*number == 0) return refuse("no size: there must be room for something");
  return *number << (10 * unit);
}

}  // namespace berth::cli
