// Runs in: any process of the host.
#include "base/sha1.hpp"

#include <array>
#include <bit>
#include <cstdint>

namespace berth {
namespace {

// Names and constants follow FIPS 180-4, section 6.1.
using Block = std::string_view;
inline constexpr std::size_t kBlockSize = 64;
struct Digest {
  std::array<std::uint32_t, 5> words{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
};

std::array<std::uint32_t, 80> schedule(Block block) {
  std::array<std::uint32_t, 80> w{};
  for (std::size_t i = 0; i < kBlockSize; ++i) w[i / 4] = w[i / 4] << 8 | static_cast<unsigned char>(block[i]);
  for (std::size_t i = 16; i < w.size(); ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  return w;
}

std::uint32_t mix(std::size_t round, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  if (round < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (round < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

void absorb(Digest& digest, Block block) {
  const auto w = schedule(block);
  auto [a, b, c, d, e] = digest.words;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const std::uint32_t next = std::rotl(a, 5) + mix(i, b, c, d) + e + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  const std::array<std::uint32_t, 5> added{a, b, c, d, e};
  for (std::size_t i = 0; i < added.size(); ++i) digest.words[i] += added[i];
}

// The last partial block, the end mark, and the length in bits.
std::string padding(std::string_view data) {
  std::string tail{data.substr(data.size() / kBlockSize * kBlockSize)};
  tail.push_back('\x80');
  while (tail.size() % kBlockSize != kBlockSize - 8) tail.push_back('\0');
  const std::uint64_t bits = static_cast<std::uint64_t>(data.size()) * 8;
  for (int shift = 56; shift >= 0; shift -= 8) tail.push_back(static_cast<char>(bits >> shift & 0xff));
  return tail;
}

}  // namespace

std::string sha1_hex(std::string_view data) {
  Digest digest;
  for (std::size_t at = 0; at + kBlockSize <= data.size(); at += kBlockSize) absorb(digest, data.substr(at, kBlockSize));
  const std::string tail = padding(data);
  for (std::size_t at = 0; at < tail.size(); at += kBlockSize) absorb(digest, std::string_view(tail).substr(at, kBlockSize));
  std::string text;
  for (const std::uint32_t word : digest.words) {
    for (int shift = 28; shift >= 0; shift -= 4) text.push_back("0123456789abcdef"[word >> shift & 0xf]);
  }
  return text;
}

}  // namespace berth
