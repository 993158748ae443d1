// Runs in: the starting command.
#include "network/address_pool.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "base/ip_address.hpp"
#include "base/sha1.hpp"
#include "base/strings.hpp"

namespace berth::network {
namespace {

constexpr unsigned kSearchedBits = 16;  // of version 6
constexpr unsigned kAttempts = 64;      // where the seed decides alone

using Bytes = std::array<std::uint8_t, 16>;

struct Parsed {
  int family;
  Bytes bytes;
};

std::optional<Parsed> parse(std::string_view text) {
  Parsed parsed{AF_INET, {}};
  if (const auto version4 = ip::parse_version4(text)) {
    std::ranges::copy(*version4, parsed.bytes.begin());
    return parsed;
  }
  const auto version6 = ip::parse_version6(text);
  if (!version6) return std::nullopt;
  return Parsed{AF_INET6, *version6};
}

std::string format(int family, const Bytes& bytes) {
  if (family == AF_INET6) return ip::format_version6(bytes);
  return strings::cat(bytes[0], '.', bytes[1], '.', bytes[2], '.', bytes[3]);
}

unsigned width(int family) { return family == AF_INET ? 32 : 128; }

// The first `length` bits of `network`, the others of `host`.
Bytes join(const Bytes& network, const Bytes& host, unsigned length) {
  Bytes joined{};
  for (unsigned i = 0; i < joined.size(); ++i) {
    const unsigned kept = length <= i * 8 ? 0 : std::min(length - i * 8, 8U);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> kept);
    joined[i] = static_cast<std::uint8_t>((network[i] & mask) | (host[i] & ~mask));
  }
  return joined;
}

// `value` in the last four bytes that the family has.
Bytes as_host(int family, std::uint32_t value) {
  Bytes host{};
  const std::size_t end = width(family) / 8;
  for (unsigned i = 0; i < 4; ++i) host[end - 1 - i] = static_cast<std::uint8_t>(value >> (8 * i));
  return host;
}

Bytes all_ones() {
  Bytes ones;
  ones.fill(0xff);
  return ones;
}

Bytes digest_of(std::string_view seed, unsigned attempt) {
  const std::string digits = sha1_hex(strings::cat(seed, '\n', attempt));
  Bytes bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = strings::parse_number<std::uint8_t>(std::string_view(digits).substr(2 * i, 2), 16).value_or(0);
  }
  return bytes;
}

// Bytes behind the four of version 4 are zero in all addresses.
Bytes last_of(const AddressPool& pool) {
  Bytes last = join(pool.address, all_ones(), pool.length);
  std::fill(last.begin() + width(pool.family) / 8, last.end(), std::uint8_t{0});
  return last;
}

bool offers_bytes(const AddressPool& pool, const Bytes& candidate) {
  if (join(pool.address, candidate, pool.length) != candidate || candidate == pool.address) return false;
  const bool first = candidate == join(pool.address, Bytes{}, pool.length);
  return !first && !(pool.family == AF_INET && candidate == last_of(pool));
}

std::optional<std::string> search(const AddressPool& pool, std::string_view seed, const AddressSet& taken) {
  const unsigned bits = width(pool.family) - pool.length;
  const std::uint32_t mask = static_cast<std::uint32_t>((1ULL << bits) - 1);
  const Bytes digest = digest_of(seed, 0);
  const std::uint32_t begin = static_cast<std::uint32_t>(digest[0]) << 24 | static_cast<std::uint32_t>(digest[1]) << 16 |
                              static_cast<std::uint32_t>(digest[2]) << 8 | digest[3];
  for (std::uint64_t i = 0; i <= mask; ++i) {
    const auto host = static_cast<std::uint32_t>(begin + i) & mask;
    const Bytes candidate = join(pool.address, as_host(pool.family, host), pool.length);
    if (!offers_bytes(pool, candidate)) continue;
    std::string text = format(pool.family, candidate);
    if (!taken.contains(text)) return text;
  }
  return std::nullopt;
}

std::optional<std::string> derive(const AddressPool& pool, std::string_view seed, const AddressSet& taken) {
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    const Bytes candidate = join(pool.address, digest_of(seed, attempt), pool.length);
    std::string text = format(pool.family, candidate);
    if (offers_bytes(pool, candidate) && !taken.contains(text)) return text;
  }
  return std::nullopt;
}

}  // namespace

std::string AddressPool::text() const { return strings::cat(format(family, join(address, Bytes{}, length)), '/', length); }

bool AddressPool::offers(std::string_view address_text) const {
  const auto parsed = parse(address_text);
  return parsed && parsed->family == family && offers_bytes(*this, parsed->bytes);
}

std::optional<AddressPool> pool_of(const os::LinkAddress& address) {
  const auto parsed = parse(address.text);
  if (!parsed || address.prefix_length == 0 || address.prefix_length > width(parsed->family) - 2) return std::nullopt;
  return AddressPool{parsed->family, parsed->bytes, address.prefix_length};
}

std::optional<std::string> choose_address(const AddressPool& pool, std::string_view seed, const AddressSet& taken) {
  const bool searched = pool.family == AF_INET || width(pool.family) - pool.length <= kSearchedBits;
  return searched ? search(pool, seed, taken) : derive(pool, seed, taken);
}

}  // namespace berth::network
