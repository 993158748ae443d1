// Addresses of the internet protocols as text: what inet_pton(3) accepts, without a C library.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace berth::ip {

// In network byte order.
using Version4 = std::array<std::uint8_t, 4>;
using Version6 = std::array<std::uint8_t, 16>;

// "10.0.3.1": four decimal numbers without leading zeros.
std::optional<Version4> parse_version4(std::string_view text);
// "2001:db8::1" and "::ffff:10.0.3.1" (RFC 4291, section 2.2); no zone.
std::optional<Version6> parse_version6(std::string_view text);

}  // namespace berth::ip
