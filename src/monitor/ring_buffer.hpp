// The last bytes that a console printed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::monitor {

class RingBuffer {
 public:
  // `size` is rounded up to a power of two of at least a page. Pages cost memory only once they are written to.
  static Result<RingBuffer> create(std::size_t size);
  RingBuffer() = default;  // keeps nothing
  RingBuffer(RingBuffer&& other) noexcept;
  RingBuffer& operator=(RingBuffer&& other) noexcept;
  RingBuffer(const RingBuffer&) = delete;
  RingBuffer& operator=(const RingBuffer&) = delete;
  ~RingBuffer();

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t used() const { return used_; }
  // The oldest bytes make room.
  void write(std::string_view data);
  // The oldest `maximum` bytes, all of them when 0.
  [[nodiscard]] std::string read(std::size_t maximum = 0) const;
  // Forgets everything and gives the memory back.
  void clear();

 private:
  void put(std::string_view data);

  char* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t start_ = 0;
  std::size_t used_ = 0;
};

}  // namespace berth::monitor
