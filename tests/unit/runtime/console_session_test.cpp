#include "runtime/console_session.hpp"

#include <gtest/gtest.h>

namespace berth::runtime {
namespace {

TEST(Escape, LettersOfBothCases) {
  EXPECT_EQ(control_character('a'), 1);
  EXPECT_EQ(control_character('A'), 1);
  EXPECT_EQ(control_character('z'), 26);
  EXPECT_EQ(control_character('^'), 0);
  EXPECT_EQ(control_character('1'), 0);
}

TEST(Escape, FilterAcrossReads) {
  EscapeFilter filter('\x01');
  std::string out;
  EXPECT_TRUE(filter.feed("ab\x01", out));
  EXPECT_EQ(out, "ab");
  EXPECT_TRUE(filter.feed("\x01q", out));  // the second escape goes through, and q is only a letter then
  EXPECT_EQ(out, "ab\x01q");
  EXPECT_TRUE(filter.feed("\x01x", out));
  EXPECT_EQ(out, "ab\x01q\x01x");
  EXPECT_FALSE(filter.feed("y\x01qz", out));
  EXPECT_EQ(out, "ab\x01q\x01xy");
}

}  // namespace
}  // namespace berth::runtime
