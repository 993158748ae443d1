// The heap of a program without a C library: small, for one thread, made for processes that allocate little or live shortly.
//
// Blocks of up to kLargest bytes come in size classes (multiples of 16 up to 512, then powers of two) from chunks that the kernel
// gives; a freed block goes to the list of its class and is reused from there. Larger ones are mappings of their own, given back
// when they are freed. Every block is aligned to 16 bytes. The caller of release() knows the size, as sized operator delete does.
#pragma once

#include <cstddef>

namespace berth::freestanding {

class Heap {
 public:
  static constexpr std::size_t kGranule = 16;
  static constexpr std::size_t kFine = 512;           // up to here a class every kGranule
  static constexpr std::size_t kLargest = 64 * 1024;  // above: mappings
  static constexpr std::size_t kChunk = 256 * 1024;   // address space; only touched pages become memory

  // `map`: gives `size` zeroed bytes aligned to a page, or nullptr; `unmap` takes them back.
  using Map = void* (*)(std::size_t size);
  using Unmap = void (*)(void* block, std::size_t size);
  constexpr Heap(Map map, Unmap unmap) : map_(map), unmap_(unmap) {}

  // nullptr when the kernel has no more.
  void* allocate(std::size_t size);
  void release(void* block, std::size_t size);

  // The size that a block for `size` bytes really has; its class.
  static constexpr std::size_t class_of(std::size_t size) {
    if (size <= kFine) return size == 0 ? 0 : (size - 1) / kGranule;
    std::size_t number = kFine / kGranule;
    for (std::size_t limit = kFine * 2; limit < size; limit *= 2) ++number;
    return number;
  }
  static constexpr std::size_t class_size(std::size_t number) {
    constexpr std::size_t kFineClasses = kFine / kGranule;
    return number < kFineClasses ? (number + 1) * kGranule : kFine << (number - kFineClasses + 1);
  }

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t kClasses = kFine / kGranule + 7;  // 1 KiB ... 64 KiB

  Map map_;
  Unmap unmap_;
  Free* free_[kClasses] = {};
  std::byte* next_ = nullptr;  // the unused rest of the newest chunk
  std::size_t left_ = 0;
};

}  // namespace berth::freestanding
