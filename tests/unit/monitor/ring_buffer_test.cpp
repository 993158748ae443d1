#include "monitor/ring_buffer.hpp"

#include <gtest/gtest.h>

namespace berth::monitor {
namespace {

TEST(RingBuffer, RoundsUpToAPageAndAPowerOfTwo) {
  EXPECT_EQ(4096U, RingBuffer::create(1)->capacity());
  EXPECT_EQ(8192U, RingBuffer::create(4097)->capacity());
  EXPECT_FALSE(RingBuffer::create(std::size_t{1} << 40).has_value());
}

TEST(RingBuffer, KeepsTheNewestBytes) {
  RingBuffer ring = std::move(*RingBuffer::create(4096));
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    all += line;
    ring.write(line);
  }
  EXPECT_EQ(4096U, ring.used());
  EXPECT_EQ(all.substr(all.size() - 4096), ring.read());
}

TEST(RingBuffer, TakesMoreThanItsCapacityAtOnce) {
  RingBuffer ring = std::move(*RingBuffer::create(4096));
  ring.write("old");
  std::string big(10000, 'x');
  big.back() = 'y';
  ring.write(big);
  EXPECT_EQ(big.substr(big.size() - 4096), ring.read());
}

TEST(RingBuffer, ReadsTheOldestWhenBounded) {
  RingBuffer ring = std::move(*RingBuffer::create(4096));
  ring.write("abcdef");
  EXPECT_EQ("abc", ring.read(3));
  EXPECT_EQ("abcdef", ring.read(100));
  ring.clear();
  EXPECT_EQ("", ring.read());
  ring.write("again");
  EXPECT_EQ("again", ring.read());
}

TEST(RingBuffer, OneWithoutMemoryKeepsNothing) {
  RingBuffer ring;
  ring.write("lost");
  EXPECT_EQ(0U, ring.used());
  EXPECT_EQ("", ring.read());
}

}  // namespace
}  // namespace berth::monitor
