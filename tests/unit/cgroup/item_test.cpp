#include "cgroup/item.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace berth::cgroup {
namespace {

using testing::HasSubstr;

// Groups made of plain files.
class Item : public testing::Test {
 protected:
  Item() {
    char name[] = "/tmp/berth-item-XXXXXX";
    directory = ::mkdtemp(name);
  }
  ~Item() override { std::filesystem::remove_all(directory); }

  void group(const std::string& controllers, const std::vector<std::pair<std::string, std::string>>& files) {
    const std::string path = directory + "/" + (controllers.empty() ? "unified" : controllers);
    std::filesystem::create_directories(path);
    for (const auto& [file, text] : files) std::ofstream(path + "/" + file) << text << '\n';
    groups.push_back({controllers, path});
  }
  std::string read(const std::string& file) { return read_item(groups, file).value_or("absent"); }
  // "FILE=VALUE" of each write, or the error's first line.
  std::vector<std::string> write(const std::string& file, const std::string& value) {
    const auto writes = item_writes(groups, file, value);
    if (!writes) return {writes.error().line()};
    std::vector<std::string> texts;
    for (const Write& one : *writes) texts.push_back(one.path.substr(directory.size() + 1) + "=" + one.value);
    return texts;
  }

  std::string directory;
  std::vector<LimitGroup> groups;
};

using testing::ElementsAre;

TEST_F(Item, AFileOfItsOwnControllerComesAsItIs) {
  group("pids", {{"pids.max", "7"}, {"cgroup.procs", "1"}});
  group("", {{"cgroup.procs", "2"}});
  EXPECT_EQ(read("pids.max"), "7\n");
  EXPECT_EQ(read("cgroup.procs"), "2\n");
  EXPECT_THAT(write("pids.max", "9"), ElementsAre("pids/pids.max=9"));
}

TEST_F(Item, LimitsOfV2OnV1) {
  group("memory", {{"memory.limit_in_bytes", "9223372036854771712"},
                   {"memory.memsw.limit_in_bytes", "9223372036854771712"},
                   {"memory.usage_in_bytes", "4096"}});
  EXPECT_EQ(read("memory.max"), "max\n");
  EXPECT_EQ(read("memory.swap.max"), "max\n");
  EXPECT_EQ(read("memory.current"), "4096\n");
  EXPECT_THAT(write("memory.max", "64M"), ElementsAre("memory/memory.limit_in_bytes=64M"));
  EXPECT_THAT(write("memory.max", "max"), ElementsAre("memory/memory.limit_in_bytes=-1"));
}

TEST_F(Item, SwapIsWhatTheSumLeaves) {
  group("memory", {{"memory.limit_in_bytes", "100"}, {"memory.memsw.limit_in_bytes", "150"}});
  EXPECT_EQ(read("memory.swap.max"), "50\n");
  EXPECT_THAT(write("memory.swap.max", "10"),
              ElementsAre("memory/memory.limit_in_bytes=100", "memory/memory.memsw.limit_in_bytes=110"));
}

TEST_F(Item, LimitsOfV1OnV2) {
  group("", {{"memory.max", "max"}, {"memory.swap.max", "max"}, {"memory.current", "1"}, {"cpu.weight", "100"}});
  EXPECT_EQ(read("memory.limit_in_bytes"), "9223372036854771712\n");
  EXPECT_EQ(read("memory.usage_in_bytes"), "1\n");
  EXPECT_EQ(read("cpu.shares"), "1024\n");
  EXPECT_THAT(write("cpu.shares", "512"), ElementsAre("unified/cpu.weight=50"));
  EXPECT_THAT(write("memory.limit_in_bytes", "-1"), ElementsAre("unified/memory.max=max"));
}

TEST_F(Item, BandwidthIsTwoFilesOnV1AndOneOnV2) {
  group("cpu,cpuacct", {{"cpu.cfs_quota_us", "-1"}, {"cpu.cfs_period_us", "100000"}});
  EXPECT_EQ(read("cpu.max"), "max 100000\n");
  EXPECT_THAT(write("cpu.max", "5000 20000"),
              ElementsAre("cpu,cpuacct/cpu.cfs_period_us=20000", "cpu,cpuacct/cpu.cfs_quota_us=5000"));
  groups.clear();
  group("", {{"cpu.max", "5000 20000"}});
  EXPECT_EQ(read("cpu.cfs_quota_us"), "5000\n");
  EXPECT_EQ(read("cpu.cfs_period_us"), "20000\n");
  EXPECT_THAT(write("cpu.cfs_quota_us", "7000"), ElementsAre("unified/cpu.max=7000 20000"));
  EXPECT_THAT(write("cpu.cfs_period_us", "30000"), ElementsAre("unified/cpu.max=5000 30000"));
}

TEST_F(Item, TheFreezerInBothWords) {
  group("freezer", {{"freezer.state", "THAWED"}});
  EXPECT_EQ(read("freezer.state"), "THAWED\n");
  groups.clear();
  group("", {{"cgroup.freeze", "0"}});
  EXPECT_EQ(read("freezer.state"), "THAWED\n");
  EXPECT_THAT(write("freezer.state", "FROZEN"), ElementsAre("unified/cgroup.freeze=1"));
}

TEST_F(Item, WhatIsNotThereIsAnError) {
  group("cpu", {{"cpu.shares", "1024"}});
  EXPECT_EQ(read_item(groups, "memory.max").error().code(), ENOENT);
  EXPECT_EQ(item_writes(groups, "memory.max", "1").error().code(), ENOENT);
  EXPECT_THAT(read_item(groups, "memory.max").error().because(), HasSubstr("cpu"));
  EXPECT_THAT(write("cpu.weight", "0"), ElementsAre(HasSubstr("has no equivalent in cgroup v1")));
}

TEST_F(Item, NamesOfFilesOnly) {
  group("cpu", {});
  for (const char* name : {"", "../x", "a/b", ".", ".hidden", "/etc/passwd"}) {
    EXPECT_FALSE(read_item(groups, name)) << name;
    EXPECT_FALSE(item_writes(groups, name, "1")) << name;
  }
}

}  // namespace
}  // namespace berth::cgroup
