// Runs in: the starting command.
#include "network/section.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "base/ip_address.hpp"
#include "base/strings.hpp"

namespace berth::network {
namespace {

constexpr std::size_t kSize4 = 4;
constexpr std::size_t kSize6 = 16;

}  // namespace

std::size_t Address::size() const { return family == AF_INET ? kSize4 : kSize6; }

std::string Address::text() const {
  if (family == AF_INET6) return ip::format_version6(bytes);
  return strings::cat(bytes[0], '.', bytes[1], '.', bytes[2], '.', bytes[3]);
}

std::optional<Address> parse_address(std::string_view text) {
  Address address;
  if (const auto four = ip::parse_version4(text)) {
    address.family = AF_INET;
    std::ranges::copy(*four, address.bytes.begin());
    return address;
  }
  const auto six = ip::parse_version6(text);
  if (!six) return std::nullopt;
  address.family = AF_INET6;
  address.bytes = *six;
  return address;
}

std::optional<Subnet> parse_subnet(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = parse_address(text.substr(0, slash));
  const auto length = strings::parse_number<unsigned>(text.substr(slash + 1));
  if (!address || !length || *length > address->size() * 8) return std::nullopt;
  return Subnet{*address, *length, std::nullopt, {}};
}

bool Subnet::contains(const Address& other) const {
  if (other.family != address.family) return false;
  for (unsigned bit = 0; bit < length; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> bit % 8);
    if ((address.bytes[bit / 8] & mask) != (other.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

std::optional<Address> broadcast_of(const Subnet& subnet) {
  constexpr unsigned kLongestWithBroadcast = 30;  // RFC 3021: /31 has none
  if (subnet.address.family != AF_INET || subnet.length > kLongestWithBroadcast) return std::nullopt;
  if (subnet.broadcast) return subnet.broadcast;
  Address last = subnet.address;
  for (unsigned bit = subnet.length; bit < kSize4 * 8; ++bit)
    last.bytes[bit / 8] = static_cast<std::uint8_t>(last.bytes[bit / 8] | 0x80U >> bit % 8);
  return last;
}

std::optional<HardwareAddress> parse_hardware_address(std::string_view text) {
  const auto pairs = strings::split(text, ':');
  HardwareAddress address{};
  if (pairs.size() != address.size()) return std::nullopt;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const auto byte = pairs[i].size() == 2 ? strings::parse_number<std::uint8_t>(pairs[i], 16) : std::nullopt;
    if (!byte) return std::nullopt;
    address[i] = *byte;
  }
  return address;
}

const Origin& Section::origin_of(std::string_view subkey) const {
  const auto found = origins.find(subkey);
  return found == origins.end() ? origin : found->second;
}

}  // namespace berth::network
