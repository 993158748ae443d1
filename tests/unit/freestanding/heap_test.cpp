// Runs in: unit tests. The heap of programs without a C library.
#include "freestanding/heap.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <vector>

namespace berth::freestanding {
namespace {

std::map<void*, std::size_t> mapped;
std::size_t map_calls = 0;
bool exhausted = false;

void* take(std::size_t size) {
  ++map_calls;
  if (exhausted) return nullptr;
  void* block = ::operator new(size, std::align_val_t{4096});
  std::memset(block, 0, size);
  mapped[block] = size;
  return block;
}

void give_back(void* block, std::size_t size) {
  ASSERT_EQ(mapped.at(block), size);
  mapped.erase(block);
  ::operator delete(block, std::align_val_t{4096});
}

class HeapTest : public ::testing::Test {
 protected:
  HeapTest() { map_calls = 0; }
  ~HeapTest() override {
    exhausted = false;
    for (const auto& [block, size] : mapped) ::operator delete(block, std::align_val_t{4096});
    mapped.clear();
  }
  Heap heap{take, give_back};
};

TEST_F(HeapTest, EveryClassHoldsItsSizesAndWastesLessThanHalf) {
  for (std::size_t size = 1; size <= Heap::kLargest; ++size) {
    const std::size_t whole = Heap::class_size(Heap::class_of(size));
    ASSERT_GE(whole, size);
    ASSERT_TRUE(whole - size < Heap::kGranule || whole < size * 2) << size;
  }
}

TEST_F(HeapTest, AFreedBlockIsUsedAgain) {
  void* first = heap.allocate(100);
  heap.release(first, 100);
  EXPECT_EQ(heap.allocate(112), first) << "the same class";
  EXPECT_NE(heap.allocate(100), first);
}

TEST_F(HeapTest, NothingOverlapsAndContentsStay) {
  struct Block {
    unsigned char* data;
    std::size_t size;
    unsigned char fill;
  };
  std::mt19937 random(7);
  std::vector<Block> blocks;
  for (int round = 0; round < 20000; ++round) {
    if (!blocks.empty() && random() % 5 < 2) {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      const Block gone = blocks.back();
      blocks.pop_back();
      for (std::size_t i = 0; i < gone.size; ++i) ASSERT_EQ(gone.data[i], gone.fill);
      heap.release(gone.data, gone.size);
      continue;
    }
    const std::size_t size = random() % 50 == 0 ? random() % 200000 : random() % 700;
    auto* data = static_cast<unsigned char*>(heap.allocate(size));
    ASSERT_NE(data, nullptr);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(data) % 16, 0U);
    const auto fill = static_cast<unsigned char>(random());
    std::memset(data, fill, size);
    blocks.push_back({data, size, fill});
  }
}

TEST_F(HeapTest, LargeBlocksAreGivenBack) {
  void* large = heap.allocate(Heap::kLargest + 1);
  EXPECT_EQ(mapped.size(), 1U);
  heap.release(large, Heap::kLargest + 1);
  EXPECT_TRUE(mapped.empty());
}

TEST_F(HeapTest, SteadyUseTakesOneChunk) {
  for (int i = 0; i < 100000; ++i) {
    void* a = heap.allocate(40);
    void* b = heap.allocate(3000);
    heap.release(b, 3000);
    heap.release(a, 40);
  }
  EXPECT_EQ(map_calls, 1U);
}

TEST_F(HeapTest, TellsWhenThereIsNoMore) {
  exhausted = true;
  EXPECT_EQ(heap.allocate(10), nullptr);
  EXPECT_EQ(heap.allocate(Heap::kLargest * 2), nullptr);
  exhausted = false;
  EXPECT_NE(heap.allocate(10), nullptr);
}

TEST_F(HeapTest, ReleasingNothingIsFine) { heap.release(nullptr, 16); }

}  // namespace
}  // namespace berth::freestanding
