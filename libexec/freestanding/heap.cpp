// Runs in: programs without a C library that allocate.
#include "heap.hpp"

namespace berth::freestanding {

static_assert(Heap::class_size(Heap::class_of(1)) == 16 && Heap::class_size(Heap::class_of(512)) == 512);
static_assert(Heap::class_size(Heap::class_of(513)) == 1024 &&
              Heap::class_size(Heap::class_of(Heap::kLargest)) == Heap::kLargest);

void* Heap::allocate(std::size_t size) {
  if (size > kLargest) return map_(size);
  const std::size_t number = class_of(size);
  if (Free* block = free_[number]; block != nullptr) {
    free_[number] = block->next;
    return block;
  }
  const std::size_t whole = class_size(number);
  if (left_ < whole) {
    auto* chunk = static_cast<std::byte*>(map_(kChunk));
    if (chunk == nullptr) return nullptr;
    next_ = chunk;  // what was left of the old one is lost: less than one large block
    left_ = kChunk;
  }
  std::byte* block = next_;
  next_ += whole;
  left_ -= whole;
  return block;
}

void Heap::release(void* block, std::size_t size) {
  if (block == nullptr) return;
  if (size > kLargest) return unmap_(block, size);
  const std::size_t number = class_of(size);
  auto* freed = static_cast<Free*>(block);
  freed->next = free_[number];
  free_[number] = freed;
}

}  // namespace berth::freestanding
