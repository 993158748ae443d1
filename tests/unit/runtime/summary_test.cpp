#include "runtime/summary.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "runtime/list.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

class SummaryTest : public ::testing::Test {
 protected:
  std::string directory;

  void SetUp() override {
    char name[] = "/tmp/berth-unit.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::string write(const std::string& name, std::string_view text) const {
    const std::string path = directory + "/" + name;
    EXPECT_TRUE(sys::replace_file(path, text));
    return path;
  }
};

TEST_F(SummaryTest, ReadsTheFactsOfAListing) {
  const auto path = write(
      "config",
      "# lxc.start.auto = 1\nlxc.group = a b\n lxc.group=c\nlxc.start.auto = \"1\"\nlxc.idmap = u 0 100000 65536\nnonsense\n");
  const auto summary = SummaryReader().read(path);
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->autostart);
  EXPECT_TRUE(summary->unprivileged);
  EXPECT_EQ(summary->groups, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(SummaryTest, LaterLinesWinAndEmptyOnesClear) {
  const auto path = write(
      "config",
      "lxc.start.auto = 1\nlxc.start.auto = 0\nlxc.group = a\nlxc.group =\nlxc.group = z\nlxc.idmap = u 0 1 1\nlxc.idmap =\n");
  const auto summary = SummaryReader().read(path);
  EXPECT_FALSE(summary->autostart);
  EXPECT_FALSE(summary->unprivileged);
  EXPECT_EQ(summary->groups, std::vector<std::string>{"z"});
}

TEST_F(SummaryTest, IncludesInPlaceFilesAndDirectories) {
  const auto common = write("common", "lxc.start.auto = 1\nlxc.group = from-include\n");
  std::filesystem::create_directory(directory + "/conf.d");
  write("conf.d/b.conf", "lxc.group = second\n");
  write("conf.d/a.conf", "lxc.group = first\n");
  write("conf.d/ignored", "lxc.group = never\n");
  SummaryReader reader;
  for (int i = 0; i < 2; ++i) {  // the second comes from what is remembered
    const auto summary = reader.read(
        write("config", "lxc.include = " + common + "\nlxc.start.auto = 0\nlxc.include = " + directory + "/conf.d\n"));
    EXPECT_FALSE(summary->autostart);
    EXPECT_EQ(summary->groups, (std::vector<std::string>{"from-include", "first", "second"}));
  }
}

TEST_F(SummaryTest, AFileThatIncludesItselfEnds) {
  const auto path = directory + "/config";
  write("config", "lxc.include = " + path + "\nlxc.group = g\n");
  EXPECT_TRUE(SummaryReader().read(path));
}

TEST_F(SummaryTest, AMissingFileIsAnError) { EXPECT_EQ(SummaryReader().read(directory + "/none").error().code(), ENOENT); }

TEST_F(SummaryTest, DefinedOnesAreSortedAndHaveAConfiguration) {
  for (const char* name : {"web2", "web1", "empty"}) std::filesystem::create_directory(directory + "/" + name);
  write("web1/config", "");
  write("web2/config", "");
  write("file", "");
  EXPECT_EQ(*list_defined(directory), (std::vector<std::string>{"web1", "web2"}));
  EXPECT_TRUE(list_defined(directory + "/absent")->empty());
  const auto all = list_all(directory);
  ASSERT_EQ(all->size(), 2U);
  EXPECT_TRUE(all->front().defined);
  EXPECT_FALSE(all->front().active);
}

}  // namespace
}  // namespace berth::runtime
