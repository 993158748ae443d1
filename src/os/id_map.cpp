// Runs in: commands and programs that embed the library.
#include "os/id_map.hpp"

#include "base/strings.hpp"

namespace berth::os {
namespace {

constexpr std::size_t kMostRanges = 340;
constexpr std::uint64_t kIds = 0xffffffff;  // the id 2^32 - 1 means "none" to the kernel

std::string describe(const IdRange& range) { return strings::cat('"', range.inside, ' ', range.host, ' ', range.count, '"'); }

bool overlap(std::uint64_t a, std::uint64_t a_count, std::uint64_t b, std::uint64_t b_count) {
  return a < b + b_count && b < a + a_count;
}

std::optional<std::uint32_t> translate(std::uint32_t id, std::uint32_t from, std::uint32_t to, std::uint32_t count) {
  if (id < from || id - from >= count) return std::nullopt;
  return to + (id - from);
}

}  // namespace

Status IdRanges::add(const IdRange& range) {
  if (range.count == 0) return fail(strings::cat("id range ", describe(range), " is empty"));
  if (std::uint64_t{range.inside} + range.count > kIds || std::uint64_t{range.host} + range.count > kIds) {
    return fail(strings::cat("id range ", describe(range), " reaches past the last id, 4294967294"), ERANGE);
  }
  for (const IdRange& earlier : ranges_) {
    if (overlap(range.inside, range.count, earlier.inside, earlier.count) ||
        overlap(range.host, range.count, earlier.host, earlier.count)) {
      return fail(strings::cat("id range ", describe(range), " overlaps ", describe(earlier)));
    }
  }
  if (ranges_.size() == kMostRanges) return fail(strings::cat("more than ", kMostRanges, " id ranges"), E2BIG);
  ranges_.push_back(range);
  return {};
}

std::string IdRanges::text() const {
  std::string text;
  for (const IdRange& range : ranges_) text += strings::cat(range.inside, ' ', range.host, ' ', range.count, '\n');
  return text;
}

std::optional<std::uint32_t> IdRanges::to_host(std::uint32_t inside) const {
  for (const IdRange& range : ranges_) {
    if (const auto found = translate(inside, range.inside, range.host, range.count)) return found;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> IdRanges::to_inside(std::uint32_t host) const {
  for (const IdRange& range : ranges_) {
    if (const auto found = translate(host, range.host, range.inside, range.count)) return found;
  }
  return std::nullopt;
}

Result<IdRanges> parse_id_ranges(std::string_view text) {
  IdRanges ranges;
  unsigned number = 0;
  for (const std::string_view line : strings::split(strings::trim_right(text, "\n"), '\n')) {
    ++number;
    const std::vector<std::string_view> words = strings::split_words(line);
    if (words.empty()) continue;
    std::optional<std::uint32_t> values[3];
    for (std::size_t i = 0; i < 3 && words.size() == 3; ++i) values[i] = strings::parse_number<std::uint32_t>(words[i]);
    if (!values[0] || !values[1] || !values[2])
      return fail(strings::cat("id map, line ", number, ": \"", line, "\" is not three numbers"));
    TRY_CONTEXT(ranges.add({*values[0], *values[1], *values[2]}), strings::cat("id map, line ", number));
  }
  return ranges;
}

}  // namespace berth::os
