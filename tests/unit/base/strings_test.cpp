#include "base/strings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace berth::strings {
namespace {

using ::testing::ElementsAre;

TEST(Strings, TrimTakesBlanksOfBothEndsOnly) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim_left("  a "), "a ");
  EXPECT_EQ(trim_right(" a  "), " a");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("//a/", "/"), "a");
}

TEST(Strings, SplitWordsDropsEmptyPieces) {
  EXPECT_THAT(split_words("  a  b\tc "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_words("/x//y/", "/"), ElementsAre("x", "y"));
  EXPECT_TRUE(split_words(" ").empty());
}

TEST(Strings, SplitKeepsEmptyPieces) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split("a,", ','), ElementsAre("a", ""));
}

TEST(Strings, Join) {
  const std::array<std::string, 3> pieces = {"a", "", "c"};
  EXPECT_EQ(join(pieces, ", "), "a, , c");
  EXPECT_EQ(join({}, ","), "");
}

TEST(Strings, ParseNumberTakesAllOrNothing) {
  EXPECT_EQ(parse_number<int>("42"), 42);
  EXPECT_EQ(parse_number<int>("-1"), -1);
  EXPECT_EQ(parse_number<unsigned>("755", 8), 0755U);
  for (const std::string_view bad : {"", " 1", "1 ", "+1", "0x10", "1a", "-"})
    EXPECT_EQ(parse_number<int>(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_number<unsigned>("-1"), std::nullopt);
  EXPECT_EQ(parse_number<std::uint8_t>("256"), std::nullopt);
  EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551616"), std::nullopt);
}

TEST(Strings, NearestFindsSlipsAndNothingElse) {
  const std::array<std::string_view, 3> words = {"lxc.uts.name", "lxc.rootfs.path", "lxc.tty.max"};
  EXPECT_EQ(nearest("lxc.uts.nmae", words), "lxc.uts.name");
  EXPECT_EQ(nearest("lxc.rootfs.pth", words), "lxc.rootfs.path");
  EXPECT_EQ(nearest("zebra", words), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
}

TEST(Strings, CatMixesTextAndNumbers) {
  EXPECT_EQ(cat("a", 'b', std::string("c"), 1, -2, std::numeric_limits<std::uint64_t>::max()), "abc1-218446744073709551615");
  EXPECT_EQ(cat(), "");
}

TEST(Strings, ShellQuoteIsOneWordForAShell) {
  EXPECT_EQ(shell_quote("plain"), "'plain'");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("it's $HOME"), "'it'\\''s $HOME'");
}

TEST(Strings, PrintableHasNoControlCharacters) {
  EXPECT_EQ(printable("a \x1b[31mred\x7f\n"), "a ?[31mred??");
  EXPECT_EQ(printable("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(printable("\x9b[1m \xc2\x9b[1m \xc2"), "?[1m ??[1m ?");
  EXPECT_EQ(printable("\xe0\x80\x9b \xed\xa0\x80 \xf4\x90\x80\x80 \xff"), "??? ??? ???? ?");
}

}  // namespace
}  // namespace berth::strings
