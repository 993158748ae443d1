// SHA-256 of a stream; by nettle, which libarchive brings along and which uses the processor's instructions for it.
#pragma once

#include <nettle/sha2.h>

#include <array>
#include <cstddef>
#include <string>

namespace berth::archive {

class Digest {
 public:
  Digest() { ::sha256_init(&state_); }
  void add(const void* data, std::size_t bytes) { ::sha256_update(&state_, bytes, static_cast<const std::uint8_t*>(data)); }
  // In hexadecimal; once.
  std::string take() {
    std::array<std::uint8_t, SHA256_DIGEST_SIZE> bytes{};
    ::sha256_digest(&state_, bytes.size(), bytes.data());
    std::string text;
    for (const std::uint8_t byte : bytes) {
      text.push_back("0123456789abcdef"[byte >> 4U]);
      text.push_back("0123456789abcdef"[byte & 0xFU]);
    }
    return text;
  }

 private:
  ::sha256_ctx state_{};
};

}  // namespace berth::archive
