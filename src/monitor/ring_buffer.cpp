// Runs in: the monitor.
#include "monitor/ring_buffer.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "sys/raw.hpp"

namespace berth::monitor {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kLargest = std::size_t{1} << 30;

}  // namespace

Result<RingBuffer> RingBuffer::create(std::size_t size) {
  if (size > kLargest) return fail(Error::from_errno(E2BIG, "mmap", "console ring buffer"));
  RingBuffer ring;
  const std::size_t capacity = std::bit_ceil(std::max(size, kPage));
  const long address = sys::raw::call(SYS_mmap, nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address < 0 && address > -4096) return fail(Error::from_errno(static_cast<int>(-address), "mmap", "console ring buffer"));
  ring.data_ = reinterpret_cast<char*>(address);
  ring.capacity_ = capacity;
  return ring;
}

RingBuffer::RingBuffer(RingBuffer&& other) noexcept { *this = std::move(other); }

RingBuffer& RingBuffer::operator=(RingBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(capacity_, other.capacity_);
  std::swap(start_, other.start_);
  std::swap(used_, other.used_);
  return *this;
}

RingBuffer::~RingBuffer() {
  if (data_ != nullptr) sys::raw::call(SYS_munmap, data_, capacity_);
}

void RingBuffer::put(std::string_view data) {
  const std::size_t end = (start_ + used_) & (capacity_ - 1);
  const std::size_t first = std::min(data.size(), capacity_ - end);
  std::memcpy(data_ + end, data.data(), first);
  std::memcpy(data_, data.data() + first, data.size() - first);
  used_ += data.size();
}

void RingBuffer::write(std::string_view data) {
  if (capacity_ == 0) return;
  if (data.size() > capacity_) data.remove_prefix(data.size() - capacity_);
  if (used_ + data.size() > capacity_) {
    const std::size_t dropped = used_ + data.size() - capacity_;
    start_ = (start_ + dropped) & (capacity_ - 1);
    used_ -= dropped;
  }
  put(data);
}

std::string RingBuffer::read(std::size_t maximum) const {
  const std::size_t count = maximum == 0 ? used_ : std::min(maximum, used_);
  const std::size_t first = std::min(count, capacity_ - start_);
  std::string text;
  text.reserve(count);
  if (count == 0) return text;
  text.append(data_ + start_, first);
  text.append(data_, count - first);
  return text;
}

void RingBuffer::clear() {
  start_ = used_ = 0;
  if (data_ != nullptr) sys::raw::call(SYS_madvise, data_, capacity_, MADV_DONTNEED);
}

}  // namespace berth::monitor
