// Runs in: every process.
#include "base/ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <span>

#include "base/strings.hpp"

namespace berth::ip {
namespace {

constexpr std::size_t kGroups = 8;

std::optional<std::uint8_t> parse_part(std::string_view text) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  return strings::parse_number<std::uint8_t>(text);
}

std::optional<std::uint16_t> parse_group(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  return strings::parse_number<std::uint16_t>(text, 16);
}

// Groups between single colons, the last two perhaps in the form of version 4; the list is empty for an empty text.
struct Groups {
  std::array<std::uint16_t, kGroups> values{};
  std::size_t count = 0;
  bool valid = true;

  void add(std::uint16_t value) {
    if (count == kGroups)
      valid = false;
    else
      values[count++] = value;
  }
};

Groups parse_groups(std::string_view text, bool may_end_in_version4) {
  Groups groups;
  while (!text.empty() && groups.valid) {
    const std::size_t colon = text.find(':');
    const std::string_view piece = text.substr(0, colon);
    const bool last = colon == std::string_view::npos;
    if (const auto value = parse_group(piece)) {
      groups.add(*value);
    } else if (const auto low = last && may_end_in_version4 ? parse_version4(piece) : std::nullopt) {
      groups.add(static_cast<std::uint16_t>((*low)[0] << 8 | (*low)[1]));
      groups.add(static_cast<std::uint16_t>((*low)[2] << 8 | (*low)[3]));
    } else {
      groups.valid = false;
    }
    if (last) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) groups.valid = false;  // a colon at the end
  }
  return groups;
}

}  // namespace

std::optional<Version4> parse_version4(std::string_view text) {
  const auto pieces = strings::split(text, '.');
  Version4 address;
  if (pieces.size() != address.size()) return std::nullopt;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const auto part = parse_part(pieces[i]);
    if (!part) return std::nullopt;
    address[i] = *part;
  }
  return address;
}

std::optional<Version6> parse_version6(std::string_view text) {
  const std::size_t gap = text.find("::");
  const bool has_gap = gap != std::string_view::npos;
  const Groups front = parse_groups(text.substr(0, gap), !has_gap);
  const Groups back = has_gap ? parse_groups(text.substr(gap + 2), true) : Groups{};
  const std::size_t given = front.count + back.count;
  if (!front.valid || !back.valid || (has_gap ? given >= kGroups : given != kGroups)) return std::nullopt;
  std::array<std::uint16_t, kGroups> groups{};
  std::copy_n(front.values.begin(), front.count, groups.begin());
  std::copy_n(back.values.begin(), back.count, groups.end() - static_cast<std::ptrdiff_t>(back.count));
  Version6 address;
  for (std::size_t i = 0; i < kGroups; ++i) {
    address[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    address[2 * i + 1] = static_cast<std::uint8_t>(groups[i]);
  }
  return address;
}

namespace {

struct Run {
  std::size_t begin = kGroups, length = 0;
  [[nodiscard]] std::size_t end() const { return begin + length; }
};

// The first of the longest runs of zeros.
Run longest_zeros(const std::array<std::uint16_t, kGroups>& groups) {
  Run longest;
  for (std::size_t i = 0; i < kGroups; ++i) {
    std::size_t end = i;
    while (end < kGroups && groups[end] == 0) ++end;
    if (end - i > longest.length) longest = {i, end - i};
  }
  return longest.length < 2 ? Run{} : longest;
}

std::string format_version4(std::span<const std::uint8_t, 4> address) {
  return strings::cat(address[0], ".", address[1], ".", address[2], ".", address[3]);
}

void append_group(std::string& text, std::uint16_t group) {
  char digits[4];
  const auto end = std::to_chars(digits, digits + sizeof digits, group, 16).ptr;
  text.append(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace

std::string format_version6(const Version6& address) {
  std::array<std::uint16_t, kGroups> groups;
  for (std::size_t i = 0; i < kGroups; ++i) groups[i] = static_cast<std::uint16_t>(address[2 * i] << 8 | address[2 * i + 1]);
  const Run zeros = longest_zeros(groups);
  const bool mapped = zeros.begin == 0 && zeros.length == 5 && groups[5] == 0xffff;
  const bool compatible = zeros.begin == 0 && zeros.length == 6;  // "::10.0.3.1"
  std::string text;
  for (std::size_t i = 0; i < kGroups; ++i) {
    if (i == zeros.begin) text += "::";
    if (i >= zeros.begin && i < zeros.end()) continue;
    if (!text.empty() && text.back() != ':') text += ':';
    if (i == 6 && (mapped || compatible)) return text + format_version4(std::span(address).last<4>());
    append_group(text, groups[i]);
  }
  return text;
}

}  // namespace berth::ip
