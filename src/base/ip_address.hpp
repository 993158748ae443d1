// Addresses of the internet protocols as text: what inet_pton(3) accepts, without a C library.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::ip {

// In network byte order.
using Version4 = std::array<std::uint8_t, 4>;
using Version6 = std::array<std::uint8_t, 16>;

// "10.0.3.1": four decimal numbers without leading zeros.
std::optional<Version4> parse_version4(std::string_view text);
// "2001:db8::1" and "::ffff:10.0.3.1" (RFC 4291, section 2.2); no zone.
std::optional<Version6> parse_version6(std::string_view text);

// As inet_ntop(3): lower case, the longest run of two or more zero groups as "::" (RFC 5952), addresses of version 4 within
// version 6 with dots.
std::string format_version6(const Version6& address);

}  // namespace berth::ip
