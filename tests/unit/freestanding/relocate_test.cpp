// Runs in: unit tests. What a program without a C library does to its own addresses.
#include "freestanding/relocate.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace berth::freestanding {
namespace {

// A program in memory: words of data, each its own offset, as the linker leaves them.
struct Image {
  std::array<std::uintptr_t, 256> words;
  std::array<Elf64_Relr, 8> packed{};
  std::array<Elf64_Rela, 2> plain{};

  Image() {
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = i;
  }
  [[nodiscard]] std::uintptr_t base() const { return reinterpret_cast<std::uintptr_t>(this); }
  template <typename T>
  [[nodiscard]] std::uintptr_t offset(const T& part) const {
    return reinterpret_cast<std::uintptr_t>(&part) - base();
  }
  bool apply(std::size_t packed_count, std::size_t plain_count = 0, std::size_t jumps = 0) const {
    std::vector<Elf64_Dyn> dynamic;
    const auto add = [&](Elf64_Sxword tag, std::uintptr_t value) {
      Elf64_Dyn entry{};
      entry.d_tag = tag;
      entry.d_un.d_val = value;
      dynamic.push_back(entry);
    };
    add(DT_RELR, offset(packed));
    add(DT_RELRSZ, packed_count * sizeof packed[0]);
    add(DT_RELA, offset(plain));
    add(DT_RELASZ, plain_count * sizeof plain[0]);
    add(DT_PLTRELSZ, jumps);
    add(DT_NULL, 0);
    return relocate(base(), dynamic.data());
  }
};

TEST(Relocate, PlacesAndBitmaps) {
  Image image;
  image.packed[0] = image.offset(image.words[3]);
  image.packed[1] = (0b101U << 1) | 1;                         // words 4 and 6
  image.packed[2] = (std::uint64_t{1} << 63) | (1U << 1) | 1;  // the next 63 words: 67 and 129
  image.packed[3] = image.offset(image.words[200]);
  ASSERT_TRUE(image.apply(4));
  for (std::size_t i = 0; i < image.words.size(); ++i) {
    const bool moved = i == 3 || i == 4 || i == 6 || i == 67 || i == 129 || i == 200;
    EXPECT_EQ(image.words[i], i + (moved ? image.base() : 0)) << i;
  }
}

TEST(Relocate, PlainOnes) {
  Image image;
  image.plain[0] = {image.offset(image.words[9]), kRelative, 77};
  ASSERT_TRUE(image.apply(0, 1));
  EXPECT_EQ(image.words[9], image.base() + 77);
  EXPECT_EQ(image.words[8], 8U);
}

TEST(Relocate, RefusesOtherKinds) {
  Image image;
  image.plain[0] = {image.offset(image.words[9]), kRelative + 1, 0};
  EXPECT_FALSE(image.apply(0, 1));
  EXPECT_FALSE(image.apply(0, 0, 24));
}

TEST(Relocate, NothingToDo) { EXPECT_TRUE(Image().apply(0)); }

}  // namespace
}  // namespace berth::freestanding
