// Addresses with a prefix length, of both internet protocols.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.hpp"

namespace berth::network::bridge_service {

template <typename Address>
struct Subnet {
  static constexpr unsigned kBits = sizeof(Address) * 8;
  Address base{};  // the bits behind the prefix are 0
  unsigned length = 0;

  // The network that `address` is in.
  static Subnet around(Address address, unsigned length) {
    for (unsigned bit = length; bit < kBits; ++bit) address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
    return {address, length};
  }
  [[nodiscard]] bool contains(const Address& address) const { return around(address, length).base == base; }
  [[nodiscard]] bool contains(const Subnet& other) const { return other.length >= length && contains(other.base); }
  [[nodiscard]] Address last() const {
    Address address = base;
    for (unsigned bit = length; bit < kBits; ++bit) address[bit / 8] |= static_cast<std::uint8_t>(0x80U >> bit % 8);
    return address;
  }
  bool operator==(const Subnet&) const = default;
};
using Subnet4 = Subnet<ip::Version4>;
using Subnet6 = Subnet<ip::Version6>;

std::string format(const ip::Version4& address);
std::string format(const ip::Version6& address);
template <typename Address>
std::string format(const Subnet<Address>& subnet) {
  return format(subnet.base) + '/' + std::to_string(subnet.length);
}

// "10.0.3.0/24"; bits behind the prefix are an error of the caller's to find: base is as written.
std::optional<Subnet4> parse_subnet4(std::string_view text);
std::optional<Subnet6> parse_subnet6(std::string_view text);
// "255.255.255.0", "24" or "/24".
std::optional<unsigned> parse_netmask4(std::string_view text);
std::string format_netmask4(unsigned length);

// As a number, to count with.
std::uint32_t number_of(const ip::Version4& address);
ip::Version4 address_of(std::uint32_t number);

}  // namespace berth::network::bridge_service
