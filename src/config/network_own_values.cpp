// Runs in: the command or library caller that reads configuration.
#include "config/network_own_values.hpp"

#include <array>
#include <utility>

#include "base/ip_address.hpp"
#include "base/strings.hpp"

namespace berth::config {
namespace {

struct PortRange {
  std::uint16_t first, last;
};

std::optional<PortRange> parse_ports(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = strings::parse_number<std::uint16_t>(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : strings::parse_number<std::uint16_t>(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *last < *first) return std::nullopt;
  return PortRange{*first, *last};
}

std::string ports_text(unsigned first, unsigned count) {
  return count == 1 ? strings::cat(first) : strings::cat(first, "-", first + count - 1);
}

// Takes "ADDRESS:" or "[ADDRESS]:" off the front of `text`. False: an address that is none.
bool take_host_address(std::string_view& text, std::string& address) {
  const std::size_t colon = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t end = text.find("]:");
    const auto parsed = ip::parse_version6(text.substr(1, end == std::string_view::npos ? 0 : end - 1));
    if (!parsed) return false;
    address = ip::format_version6(*parsed);
    text.remove_prefix(end + 2);
    return true;
  }
  if (colon == text.rfind(':')) return true;
  if (!ip::parse_version4(text.substr(0, colon))) return false;
  address = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  return true;
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr auto kUnits = std::to_array<Unit>({{"", 1},
                                             {"k", 1000},
                                             {"m", 1000'000},
                                             {"g", 1000'000'000},
                                             {"t", 1000'000'000'000},
                                             {"ki", 1ULL << 10},
                                             {"mi", 1ULL << 20},
                                             {"gi", 1ULL << 30},
                                             {"ti", 1ULL << 40}});

std::optional<std::uint64_t> unit_factor(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  std::string_view name = lower;
  if (name.ends_with("bit")) name.remove_suffix(3);
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

// "1.25" times `factor`; no more digits after the point than make whole bits.
std::optional<std::uint64_t> scaled(std::string_view number, std::uint64_t factor) {
  constexpr std::uint64_t kMost = kFastestRate * 2;
  const std::size_t point = number.find('.');
  const auto whole = strings::parse_number<std::uint64_t>(number.substr(0, point));
  if (!whole || *whole > kMost / factor) return std::nullopt;
  std::uint64_t bits = *whole * factor;
  if (point == std::string_view::npos) return bits;
  const std::string_view digits = number.substr(point + 1);
  if (digits.empty() || digits.size() > 6) return std::nullopt;
  const auto fraction = strings::parse_number<std::uint64_t>(digits);
  if (!fraction) return std::nullopt;
  std::uint64_t divisor = 1;
  for (std::size_t i = 0; i < digits.size(); ++i) divisor *= 10;
  return bits + *fraction * factor / divisor;
}

}  // namespace

std::string PublishedPorts::text() const {
  const bool version6 = host_address.find(':') != std::string::npos;
  const std::string host = host_address.empty() ? "" : version6 ? strings::cat("[", host_address, "]:") : host_address + ":";
  return strings::cat(host, ports_text(host_first, count), ":", ports_text(container_first, count), udp ? "/udp" : "/tcp");
}

std::optional<PublishedPorts> parse_published_ports(std::string_view text) {
  PublishedPorts parsed;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    parsed.udp = text.substr(slash) == "/udp";
    if (!parsed.udp && text.substr(slash) != "/tcp") return std::nullopt;
    text = text.substr(0, slash);
  }
  if (!take_host_address(text, parsed.host_address)) return std::nullopt;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto host = parse_ports(text.substr(0, colon)), container = parse_ports(text.substr(colon + 1));
  if (!host || !container || host->last - host->first != container->last - container->first) return std::nullopt;
  parsed.host_first = host->first;
  parsed.container_first = container->first;
  parsed.count = static_cast<std::uint16_t>(host->last - host->first + 1);
  return parsed;
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789.");
  const std::string_view number = text.substr(0, end);
  const auto factor = unit_factor(end == std::string_view::npos ? std::string_view() : text.substr(end));
  if (!factor) return std::nullopt;
  const auto bits = scaled(number, *factor);
  if (!bits || *bits < kSlowestRate || *bits > kFastestRate) return std::nullopt;
  return bits;
}

std::string format_rate(std::uint64_t bits_per_second) {
  constexpr std::string_view kPrefixes = "KMGT";
  std::size_t power = 0;
  while (power < kPrefixes.size() && bits_per_second >= 1000 && bits_per_second % 1000 == 0) {
    bits_per_second /= 1000;
    ++power;
  }
  return strings::cat(bits_per_second, power == 0 ? std::string_view() : kPrefixes.substr(power - 1, 1), "bit");
}

std::string NameServers::text() const { return automatic ? "auto" : strings::join(addresses, " "); }

std::optional<NameServers> parse_name_servers(std::string_view text) {
  NameServers parsed;
  parsed.automatic = text == "auto";
  if (parsed.automatic) return parsed;
  for (const std::string_view word : strings::split_words(text)) {
    const auto version6 = ip::parse_version6(word);
    if (!version6 && !ip::parse_version4(word)) return std::nullopt;
    parsed.addresses.push_back(version6 ? ip::format_version6(*version6) : std::string(word));
  }
  if (parsed.addresses.empty() || parsed.addresses.size() > kMostNameServers) return std::nullopt;
  return parsed;
}

}  // namespace berth::config
