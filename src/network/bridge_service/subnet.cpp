// Runs in: lxc-net.
#include "network/bridge_service/subnet.hpp"

#include <bit>

#include "base/strings.hpp"

namespace berth::network::bridge_service {
namespace {

template <typename Address, typename Parse>
std::optional<Subnet<Address>> parse_subnet(std::string_view text, Parse parse) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto base = parse(text.substr(0, slash));
  const auto length = strings::parse_number<unsigned>(text.substr(slash + 1));
  if (!base || !length || *length > Subnet<Address>::kBits) return std::nullopt;
  return Subnet<Address>{*base, *length};
}

}  // namespace

std::string format(const ip::Version4& address) {
  return strings::cat(address[0], '.', address[1], '.', address[2], '.', address[3]);
}
std::string format(const ip::Version6& address) { return ip::format_version6(address); }

std::optional<Subnet4> parse_subnet4(std::string_view text) { return parse_subnet<ip::Version4>(text, ip::parse_version4); }
std::optional<Subnet6> parse_subnet6(std::string_view text) { return parse_subnet<ip::Version6>(text, ip::parse_version6); }

std::optional<unsigned> parse_netmask4(std::string_view text) {
  if (text.starts_with('/')) text.remove_prefix(1);
  if (const auto length = strings::parse_number<unsigned>(text)) return *length <= 32 ? length : std::nullopt;
  const auto mask = ip::parse_version4(text);
  if (!mask) return std::nullopt;
  const std::uint32_t number = number_of(*mask);
  const auto length = static_cast<unsigned>(std::countl_one(number));
  if (static_cast<unsigned>(std::popcount(number)) != length) return std::nullopt;
  return length;
}

std::string format_netmask4(unsigned length) { return format(address_of(length == 0 ? 0 : ~std::uint32_t{0} << (32 - length))); }

std::uint32_t number_of(const ip::Version4& address) {
  std::uint32_t number = 0;
  for (const std::uint8_t byte : address) number = number << 8 | byte;
  return number;
}

ip::Version4 address_of(std::uint32_t number) {
  return {static_cast<std::uint8_t>(number >> 24), static_cast<std::uint8_t>(number >> 16),
          static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)};
}

}  // namespace berth::network::bridge_service
