#include "network/bridge_service/settings_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>

namespace berth::network::bridge_service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Files = std::map<std::string, std::string>;

SettingsText read(const Files& files, const std::string& first = "/f") {
  SettingsFileReader reader([&](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return fail(Error::from_errno(ENOENT, "open", path));
    return found->second;
  });
  reader.read(first, false);
  return reader.take();
}

std::vector<std::string> pairs(const SettingsText& text) {
  std::vector<std::string> all;
  for (const Assignment& row : text.assignments) all.push_back(row.name + "=" + row.value);
  return all;
}

std::string only_problem(const std::string& text) {
  const SettingsText read_text = read({{"/f", text}});
  return read_text.problems.size() == 1 ? describe(read_text.problems) : std::to_string(read_text.problems.size()) + " problems";
}

TEST(BridgeSettingsFile, WordsAreReadAsAShellReadsThem) {
  const auto text = read({{"/f",
                           "# a comment\n\n  A=1\nexport B=two # what it is\nC='it is # here'D\nE=\"a\\\"b\\n\" F=x\\ y;G=\n"
                           "export B\nH=${A}0-$B-\"$A\"-'$A'\nI=a#b\r\n"}});
  EXPECT_THAT(text.problems, IsEmpty());
  EXPECT_THAT(pairs(text), ElementsAre("A=1", "B=two", "C=it is # hereD", "E=a\"b\\n", "F=x y", "G=", "H=10-two-1-$A", "I=a#b"));
  EXPECT_EQ(text.assignments[1].origin.line, 4U);
  EXPECT_EQ(text.assignments[1].origin.file, "/f");
}

TEST(BridgeSettingsFile, OtherFilesAreReadWhereTheyAreNamed) {
  const Files files = {{"/f",
                        "A=0\n[ ! -f /etc/x ] || . /etc/x\n[ -r \"/etc/y\" ] && . \"/etc/y\"\ntest -f /none && source /none\n"
                        ". /etc/z\nB=9\n"},
                       {"/etc/x", "A=1\n"},
                       {"/etc/y", "B=2\n"},
                       {"/etc/z", "C=$A\n"}};
  const auto text = read(files);
  EXPECT_THAT(text.problems, IsEmpty());
  EXPECT_THAT(pairs(text), ElementsAre("A=0", "A=1", "B=2", "C=1", "B=9"));
  EXPECT_THAT(text.files, ElementsAre("/f", "/etc/x", "/etc/y", "/none", "/etc/z"));
  EXPECT_EQ(text.assignments[3].origin.file, "/etc/z");
}

TEST(BridgeSettingsFile, WhatNeedsAShellIsAProblem) {
  EXPECT_THAT(only_problem("A=$(hostname)"), HasSubstr("/f:1: A: '$' with anything but the name of a variable needs a shell"));
  EXPECT_THAT(only_problem("\nA=${B:-x}"), HasSubstr("/f:2: A: '$'"));
  EXPECT_THAT(only_problem("A=\"`date`\""), HasSubstr("backquotes"));
  EXPECT_THAT(only_problem("A=x | tee"), HasSubstr("needs a shell; NAME=VALUE is expected"));
  EXPECT_THAT(only_problem("A=x|tee"), HasSubstr("'|' outside of quotes needs a shell"));
  EXPECT_THAT(only_problem("if [ -f /x ]; then"), HasSubstr("needs a shell"));
  EXPECT_THAT(only_problem("A = 1"), HasSubstr("needs a shell"));
  EXPECT_THAT(only_problem("1A=1"), HasSubstr("needs a shell"));
  EXPECT_THAT(only_problem("A='x"), HasSubstr("single quote is not closed"));
  EXPECT_THAT(only_problem("A=\"x\nB=1"), HasSubstr("double quote is not closed"));
  EXPECT_THAT(only_problem("A=x\\"), HasSubstr("goes on in the next one"));
  EXPECT_THAT(only_problem("A=$B"), HasSubstr("'$B' is set nowhere before this line"));
  EXPECT_THAT(only_problem(std::string("A=\0", 3)), HasSubstr("NUL"));
  EXPECT_THAT(only_problem(". relative"), HasSubstr("needs its whole path"));
  EXPECT_THAT(only_problem(". /none"), HasSubstr("/none"));
  EXPECT_THAT(only_problem("[ -f /x ] || . /x"), HasSubstr("needs a shell"));
  EXPECT_THAT(only_problem("[ ! -f /x ] || . /y"), HasSubstr("needs a shell"));
}

TEST(BridgeSettingsFile, FilesThatReadOneAnotherEnd) {
  const auto text = read({{"/f", ". /g\n"}, {"/g", ". /f\n"}});
  ASSERT_EQ(text.problems.size(), 1U);
  EXPECT_THAT(describe(text.problems), HasSubstr("read one another"));
  EXPECT_EQ(read({{"/f", ". /f\n. /f\n. /f\n"}}).files.size(), 32U);
  std::string doubling = "A=xxxxxxxx\n";
  for (int i = 0; i < 60; ++i) doubling += "A=$A$A\n";
  EXPECT_THAT(describe(read({{"/f", doubling}}).problems), HasSubstr("'$A' makes the value too long"));
}

TEST(BridgeSettingsFile, ProblemsOfStrangersAreNoTerminalCodes) { EXPECT_THAT(only_problem("A B\x1b[2J"), HasSubstr("A B?[2J")); }

}  // namespace
}  // namespace berth::network::bridge_service
