// Runs in: host commands.
#include "storage/zfs/zfs_output.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <utility>

#include "base/strings.hpp"

namespace berth::storage::zfs {
namespace {

constexpr std::size_t kNameLimit = 255;
constexpr std::string_view kUnits = "BKMGTPE";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_part(std::string_view part) {
  if (part.empty() || part == "." || part == ".." || part.front() == ' ' || part.back() == ' ') return false;
  return std::ranges::all_of(
      part, [](char c) { return is_letter(c) || is_digit(c) || std::string_view("-_.: ").find(c) != std::string_view::npos; });
}

struct Reason {
  std::string_view words;
  int code;
};

// The first that is found counts.
constexpr auto kReasons = std::to_array<Reason>({{"dataset already exists", EEXIST},
                                                 {"destination already exists", EEXIST},
                                                 {"dataset does not exist", ENOENT},
                                                 {"could not find any snapshots to destroy", ENOENT},
                                                 {"no such pool", ENOENT},
                                                 {"parent does not exist", ENOENT},
                                                 {"out of space", ENOSPC},
                                                 {"No space left on device", ENOSPC},
                                                 {"Disk quota exceeded", EDQUOT},
                                                 {"size is less than current used", ENOSPC},
                                                 {"has dependent clones", EBUSY},
                                                 {"has children", EBUSY},
                                                 {"is busy", EBUSY},
                                                 {"resource busy", EBUSY},
                                                 {"ermission denied", EPERM},
                                                 {"must be superuser", EPERM},
                                                 {"zfs-fuse daemon is running", ENODEV},
                                                 {"ZFS modules", ENODEV},
                                                 {"failed to initialize ZFS library", ENODEV},
                                                 {"/dev/zfs", ENODEV}});

}  // namespace

bool is_dataset_name(std::string_view name) {
  if (name.size() > kNameLimit || name.empty() || !is_letter(name.front())) return false;
  return std::ranges::all_of(strings::split(name, '/'), is_part);
}

std::string_view parent_of(std::string_view dataset) {
  const auto slash = dataset.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : dataset.substr(0, slash);
}

std::string_view last_part_of(std::string_view dataset) { return dataset.substr(dataset.rfind('/') + 1); }

std::string_view pool_of(std::string_view dataset) { return dataset.substr(0, dataset.find('/')); }

std::optional<std::uint64_t> parse_size(std::string_view text) {
  if (const auto exact = strings::parse_number<std::uint64_t>(text)) return exact;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  const auto unit = kUnits.find(text.back());
  if (unit == std::string_view::npos) return std::nullopt;
  double number = 0;
  const char* end = text.data() + text.size() - 1;
  const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc{} || stop != end) return std::nullopt;
  const double bytes = std::ldexp(number, static_cast<int>(10 * unit));
  if (bytes >= std::ldexp(1.0, 64)) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

Result<std::vector<Row>> parse_rows(std::string_view output, std::size_t fields) {
  std::vector<Row> rows;
  for (const std::string_view line : strings::split_words(output, "\n")) {
    const auto pieces = strings::split(line, '\t');
    if (pieces.size() != fields)
      return fail(
          Error::message(strings::cat("zfs printed a line with ", pieces.size(), " fields where ", fields, " were asked for"),
                         EPROTO)
              .because(strings::printable(line)));
    rows.emplace_back(pieces.begin(), pieces.end());
  }
  return rows;
}

int failure_code(std::string_view error_output) {
  for (const auto& [words, code] : kReasons)
    if (error_output.find(words) != std::string_view::npos) return code;
  return EIO;
}

}  // namespace berth::storage::zfs
