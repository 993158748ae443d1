// Runs in: the command or library caller that reads configuration.
#include "config/network_values.hpp"

#include <net/if.h>

#include <algorithm>
#include <array>

#include "base/ip_address.hpp"
#include "base/strings.hpp"
#include "sys/random.hpp"

namespace berth::config {
namespace {

constexpr std::size_t kHardwareAddressLength = 17;  // 6 pairs and 5 colons
constexpr std::string_view kDigits = "0123456789abcdef";

bool is_digit(char c) { return kDigits.find(c) != std::string_view::npos || (c >= 'A' && c <= 'F'); }
bool is_placeholder(char c) { return c == 'x' || c == 'X'; }

template <typename Accept>
bool has_address_form(std::string_view text, Accept accept) {
  if (text.size() != kHardwareAddressLength) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != ':' : !accept(text[i])) return false;
  }
  return true;
}

// Class A /8, B /16, C /24, as ifconfig took them.
std::optional<unsigned> class_length(std::string_view address) {
  const auto first = strings::parse_number<unsigned>(address.substr(0, address.find('.')));
  if (!first || *first >= 224) return std::nullopt;
  return *first < 128 ? 8 : *first < 192 ? 16 : 24;
}

}  // namespace

std::string_view network_subkey(const Key& key) { return key.name.substr(std::string_view("lxc.net.N.").size()); }

std::string_view subkey_owner(std::string_view subkey) {
  constexpr auto kTypesWithOwnKeys = std::to_array<std::string_view>({"veth", "macvlan", "ipvlan", "vlan"});
  const std::string_view first = subkey.substr(0, subkey.find('.'));
  if (first == "publish" || first == "limit") return "veth";
  return std::ranges::find(kTypesWithOwnKeys, first) == kTypesWithOwnKeys.end() ? std::string_view() : first;
}

bool type_has_subkey(std::string_view type, std::string_view subkey) {
  const std::string_view owner = subkey_owner(subkey);
  if (!owner.empty()) return owner == type;
  const std::string_view first = subkey.substr(0, subkey.find('.'));
  return type != "empty" || first == "type" || first == "script";
}

bool is_hardware_address(const KeyRef& ref) { return ref.key != nullptr && ref.key->name == "lxc.net.N.hwaddr"; }

Status fill_hardware_address(std::span<char> text) {
  const std::string_view view{text.data(), text.size()};
  if (!has_address_form(view, [](char c) { return is_digit(c) || is_placeholder(c); })) return {};
  if (std::ranges::none_of(text, is_placeholder)) return {};
  std::array<std::uint8_t, kHardwareAddressLength> random;
  TRY(sys::fill_random(std::as_writable_bytes(std::span(random))));
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_placeholder(text[i])) continue;
    std::size_t digit = random[i] % kDigits.size();
    if (i == 1) digit = (digit & ~std::size_t{1}) | 2;  // unicast, locally administered
    text[i] = kDigits[digit];
  }
  return {};
}

std::optional<NetworkAddress> parse_ipv4_address(std::string_view text) {
  const auto words = strings::split_words(text);
  if (words.empty() || words.size() > 2) return std::nullopt;
  const std::size_t slash = words[0].find('/');
  const std::string_view address = words[0].substr(0, slash);
  const auto length =
      slash == std::string_view::npos ? class_length(address) : strings::parse_number<unsigned>(words[0].substr(slash + 1));
  if (!is_ipv4(address) || !length || *length > 32) return std::nullopt;
  NetworkAddress parsed{strings::cat(address, "/", *length), {}};
  if (words.size() == 2) {
    if (!is_ipv4(words[1])) return std::nullopt;
    parsed.broadcast = words[1];
  }
  return parsed;
}

std::optional<NetworkAddress> parse_ipv6_address(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto length =
      slash == std::string_view::npos ? std::optional(64U) : strings::parse_number<unsigned>(text.substr(slash + 1));
  if (!is_ipv6(text.substr(0, slash)) || !length || *length > 128) return std::nullopt;
  return NetworkAddress{strings::cat(ip::format_version6(*ip::parse_version6(text.substr(0, slash))), "/", *length), {}};
}

bool is_ipv4(std::string_view text) { return ip::parse_version4(text).has_value(); }
bool is_ipv6(std::string_view text) { return ip::parse_version6(text).has_value(); }
bool is_hardware_address_text(std::string_view text) { return has_address_form(text, is_digit); }

bool is_interface_name(std::string_view text) {
  if (text.empty() || text.size() >= IFNAMSIZ || text == "." || text == "..") return false;
  return text.find('/') == std::string_view::npos && text.find_first_of(strings::kBlanks) == std::string_view::npos;
}

}  // namespace berth::config
