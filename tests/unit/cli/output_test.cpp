#include <gtest/gtest.h>

#include "cli/json.hpp"
#include "cli/listing.hpp"
#include "cli/table.hpp"
#include "cli/units.hpp"

namespace berth::cli {
namespace {

TEST(Table, PadsEveryCellAsLxcDoes) {
  EXPECT_EQ(layout_table({{"NAME", "STATE"}, {"bb", "RUNNING"}, {"longer", "-"}}),
            "NAME   STATE   \n"
            "bb     RUNNING \n"
            "longer -       \n");
  EXPECT_EQ(layout_table({}), "");
  EXPECT_EQ(layout_table({{"N"}, {"\xc3\xa4"}, {"ab"}}), "N  \n\xc3\xa4  \nab \n");  // one column wide, two bytes
}

TEST(Words, FillTheWidth) {
  const std::vector<std::string> words = {"a1", "b2", "c3", "d4", "m13"};
  EXPECT_EQ(layout_words(words, 0), "a1 \nb2 \nc3 \nd4 \nm13\n");
  EXPECT_EQ(layout_words(words, 10), "a1   b2 \nc3   d4 \nm13  \n");
  EXPECT_EQ(layout_words(words, 2), layout_words(words, 0));
  EXPECT_EQ(layout_words({}, 80), "");
}

TEST(Sizes, AreWholeNumbersWithAUnit) {
  EXPECT_EQ(parse_file_system_size("1536").value_or(0), 1536ULL << 20);
  EXPECT_EQ(parse_file_system_size("3b").value_or(0), 3U);
  EXPECT_EQ(parse_file_system_size("2G").value_or(0), 2ULL << 30);
  EXPECT_EQ(parse_file_system_size("8388607T").value_or(0), 8388607ULL << 40);
  const auto refusal = [](const char* text) {
    const auto size = parse_file_system_size(text);
    return size ? std::string("taken") : size.error().line();
  };
  for (const char* text : {"", "G", "1.5G", "1,5G", "-1", "+1", " 1", "1 G", "1GB", "0x10", "1e3"})
    EXPECT_NE(refusal(text).find("a whole number"), std::string::npos) << text;
  for (const char* text : {"0", "0G", "00"}) EXPECT_NE(refusal(text).find("room"), std::string::npos) << text;
  for (const char* text : {"8388608T", "99999999999999999999", "18446744073709551615b"})
    EXPECT_NE(refusal(text).find("too large"), std::string::npos) << text;
}

TEST(Json, NestsAndEscapes) {
  JsonWriter json;
  json.begin_object().key("text").value("a\"b\\c\n\x01").key("number").value(-5).key("flag").value(true).key("none").null();
  json.key("list").value(std::vector<std::string>{"x", "y"}).key("empty").begin_array().end_array().end_object();
  EXPECT_EQ(json.take(),
            "{\n  \"text\": \"a\\\"b\\\\c\\n\\u0001\",\n  \"number\": -5,\n  \"flag\": true,\n  \"none\": null,\n"
            "  \"list\": [\n    \"x\",\n    \"y\"\n  ],\n  \"empty\": []\n}\n");
}

TEST(Json, OnOneLine) {
  JsonWriter json(JsonWriter::Layout::kOneLine);
  json.begin_object().key("a").value(1).key("b").begin_array().value(2).value(3).end_array().key("c").begin_object().end_object();
  json.end_object();
  EXPECT_EQ(json.take(), "{\"a\": 1, \"b\": [2, 3], \"c\": {}}\n");
}

TEST(Json, BytesThatAreNoUtf8AreReplaced) {
  const std::string replaced = "\"\xef\xbf\xbd\"\n";
  for (const char* bad : {"\xff", "\x80", "\xc3"}) EXPECT_EQ(JsonWriter().value(bad).take(), replaced);
  EXPECT_EQ(JsonWriter().value("\xed\xa0\x80").take(), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n");  // a surrogate
  EXPECT_EQ(JsonWriter().value("\xc0\xaf").take(), "\"\xef\xbf\xbd\xef\xbf\xbd\"\n");                  // overlong
  EXPECT_EQ(JsonWriter().value("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7").take(), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7\"\n");
}

TEST(Units, AsLxcWritesThem) {
  EXPECT_EQ(human_bytes(0), "0 bytes");
  EXPECT_EQ(human_bytes(1023), "1023 bytes");
  EXPECT_EQ(human_bytes(729088), "712.00 KiB");
  EXPECT_EQ(human_bytes(1183744), "1.13 MiB");
  EXPECT_EQ(human_bytes(3ULL << 30), "3.00 GiB");
  EXPECT_EQ(human_bytes(5ULL << 40), "5.00 TiB");
  EXPECT_EQ(human_seconds(10661713), "0.01 seconds");
  EXPECT_EQ(megabytes(650000), "0.62MB");
}

TEST(Columns, ByNameInAnyCase) {
  const auto chosen = parse_columns("name, Pid,UNPRIVILEGED");
  ASSERT_TRUE(chosen);
  ASSERT_EQ(chosen->size(), 3U);
  EXPECT_STREQ((*chosen)[1]->name, "PID");
  EXPECT_FALSE(parse_columns("NAME,FOO"));
  EXPECT_FALSE(parse_columns("NAM"));
  EXPECT_FALSE(parse_columns(""));
  EXPECT_TRUE(parse_columns(kDefaultColumns));
}

TEST(Columns, Texts) {
  Listed container;
  container.name = "in";
  container.groups = {"a", "b"};
  const auto text = [&](const char* name) { return parse_columns(name)->front()->text(container); };
  EXPECT_EQ(text("STATE"), "STOPPED");
  EXPECT_EQ(text("PID"), "");
  EXPECT_EQ(text("GROUPS"), "a, b");
  EXPECT_EQ(text("AUTOSTART"), "0");
  EXPECT_EQ(text("UNPRIVILEGED"), "false");
  container.depth = 1;
  EXPECT_EQ(text("NAME"), " \\in");
  container.state = std::nullopt;
  EXPECT_EQ(text("STATE"), "");
}

}  // namespace
}  // namespace berth::cli
