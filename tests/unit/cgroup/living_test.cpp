// remove_tree, populated, the freezer and the statistics, over plain files.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cgroup/freeze.hpp"
#include "cgroup/stats.hpp"
#include "fake_host.hpp"
#include "sys/raw.hpp"

namespace berth::cgroup {
namespace {

using ::testing::HasSubstr;

class Living : public ::testing::Test {
 protected:
  std::string content(const std::string& below) const {
    std::ostringstream out;
    out << std::ifstream(fake.path(below)).rdbuf();
    return out.str();
  }
  test::FakeHost fake;
};

TEST_F(Living, PopulatedByProcs) {
  EXPECT_FALSE(populated(fake.path("absent")));
  fake.group("g/sub");
  fake.group("g");
  EXPECT_FALSE(populated(fake.path("g")));
  fake.group("g/sub", "1\n");
  EXPECT_TRUE(populated(fake.path("g")));
}

TEST_F(Living, PopulatedByEvents) {
  fake.file("g/cgroup.events", "populated 0\nfrozen 0\n");
  EXPECT_FALSE(populated(fake.path("g")));
  fake.file("g/cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_TRUE(populated(fake.path("g")));
}

TEST_F(Living, WhatCannotBeReadMayBeAlive) {
  std::filesystem::create_directories(fake.path("g/cgroup.procs"));  // EISDIR
  EXPECT_TRUE(populated(fake.path("g")));
}

TEST_F(Living, RemoveTree) {
  std::filesystem::create_directories(fake.path("g/a/b"));
  std::filesystem::create_directories(fake.path("g/c"));
  const auto removed = remove_tree(fake.path("g"));
  EXPECT_TRUE(removed) << removed.error().line();
  EXPECT_FALSE(std::filesystem::exists(fake.path("g")));
  EXPECT_TRUE(remove_tree(fake.path("g")));
}

TEST_F(Living, RemoveTreeDoesNotFollowLinks) {
  std::filesystem::create_directories(fake.path("g"));
  std::filesystem::create_directories(fake.path("outside/kept"));
  std::filesystem::create_directory_symlink(fake.path("outside"), fake.path("g/link"));
  EXPECT_FALSE(remove_tree(fake.path("g")));
  EXPECT_TRUE(std::filesystem::exists(fake.path("outside/kept")));
}

long always_busy(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_unlinkat || number == SYS_rmdir) return -EBUSY;
  return sys::raw::kernel(number, a, b, c, d, e, f);
}

TEST_F(Living, ABusyGroupNamesItsProcess) {
  fake.group("g", "4711\n4712\n");
  const sys::raw::ScopedDispatch dispatch(always_busy);
  const auto removed = remove_tree(fake.path("g"));
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), EBUSY);
  EXPECT_THAT(removed.error().because(), HasSubstr("4711"));
}

TEST_F(Living, FreezerV1) {
  fake.file("g/freezer.state", "THAWED\n");
  EXPECT_TRUE(request_freeze(fake.path("g/freezer.state"), false, true));
  EXPECT_THAT(content("g/freezer.state"), HasSubstr("FROZEN"));
  for (const auto& [text, frozen] : {std::pair("FROZEN\n", true), {"FREEZING\n", false}, {"THAWED\n", false}}) {
    fake.file("g/freezer.state", text);
    const auto state = is_frozen(fake.path("g/freezer.state"), false);
    ASSERT_TRUE(state);
    EXPECT_EQ(*state, frozen) << text;
  }
  const auto events = open_freeze_events(fake.path("g/freezer.state"), false);
  ASSERT_TRUE(events);
  EXPECT_FALSE(events->valid());
}

TEST_F(Living, FreezerV2) {
  const auto file = fake.path("g/cgroup.freeze");
  fake.file("g/cgroup.freeze", "1\n");
  fake.file("g/cgroup.events", "populated 1\nfrozen 1\n");
  EXPECT_TRUE(request_freeze(file, true, false));
  EXPECT_EQ(content("g/cgroup.freeze").front(), '0');
  EXPECT_EQ(is_frozen(file, true).value(), true);
  fake.file("g/cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_EQ(is_frozen(file, true).value(), false);
  EXPECT_TRUE(open_freeze_events(file, true)->valid());
  fake.file("g/cgroup.events", "populated 1\n");
  EXPECT_THAT(is_frozen(file, true).error().because(), HasSubstr("5.2"));
}

TEST_F(Living, FreezerOfADeadGroup) {
  EXPECT_FALSE(is_frozen(fake.path("g/freezer.state"), false));
  EXPECT_FALSE(request_freeze(fake.path("g/cgroup.freeze"), true, true));
  EXPECT_FALSE(open_freeze_events(fake.path("g/cgroup.freeze"), true));
}

TEST_F(Living, StatsV1) {
  fake.file("m/memory.usage_in_bytes", "4096\n");
  fake.file("m/memory.kmem.usage_in_bytes", "1024\n");
  fake.file("m/memory.memsw.usage_in_bytes", "6096\n");
  fake.file("c/cpuacct.usage", "123456789\n");
  fake.file("b/blkio.throttle.io_service_bytes", "8:0 Read 10\n8:0 Total 10\nTotal 10\n");
  const auto stats = read_stats({fake.path("m"), fake.path("c"), fake.path("b"), ""});
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->memory, 4096U);
  EXPECT_EQ(stats->kernel_memory, 1024U);
  EXPECT_EQ(stats->swap, 2000U);
  EXPECT_EQ(stats->cpu_ns, 123456789U);
  EXPECT_EQ(stats->blkio, 10U);
}

TEST_F(Living, StatsV2) {
  fake.file("u/memory.stat", "anon 100\nfile 20\nkernel_stack 1\npagetables 2\nsock 3\nslab 4\nanon_thp 7\n");
  fake.file("u/cpu.stat", "usage_usec 5\nuser_usec 3\n");
  fake.file("u/memory.swap.current", "9\n");
  const auto stats = read_stats({"", "", "", fake.path("u")});
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->memory, 120U);
  EXPECT_EQ(stats->kernel_memory, 10U);
  EXPECT_EQ(stats->swap, 9U);
  EXPECT_EQ(stats->cpu_ns, 5000U);
  EXPECT_EQ(stats->blkio, std::nullopt);
}

TEST_F(Living, StatsThatAreNotCounted) {
  fake.group("u");
  const auto stats = read_stats({"", "", "", fake.path("u")});
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->memory, std::nullopt);
  EXPECT_EQ(stats->cpu_ns, std::nullopt);
  EXPECT_FALSE(read_stats({fake.path("gone"), "", "", ""}));
}

TEST(Load, Version1AddsUpDevicesAndTurnsTicksIntoTime) {
  const test::FakeHost fake;
  fake.file("c/cpuacct.usage", "1500000000\n");
  fake.file("c/cpuacct.stat", "user 58\nsystem 15\n");
  fake.file("b/blkio.throttle.io_service_bytes",
            "8:0 Read 100\n8:0 Write 20\n8:0 Total 120\n8:16 Read 1\n8:16 Write 2\n8:16 Total 3\nTotal 123\n");
  fake.file("b/blkio.throttle.io_serviced", "8:0 Read 5\nTotal 7\n");
  fake.file("p/pids.current", "12\n");
  const auto load = read_load({"", fake.path("c"), fake.path("b"), "", fake.path("p")});
  ASSERT_TRUE(load);
  EXPECT_EQ(load->stats.cpu_ns, 1500000000U);
  EXPECT_EQ(load->cpu_user_ns, 580'000'000U);
  EXPECT_EQ(load->cpu_system_ns, 150'000'000U);
  EXPECT_EQ(load->blkio_total, 123U);
  EXPECT_EQ(load->blkio_read, 101U);
  EXPECT_EQ(load->blkio_written, 22U);
  EXPECT_EQ(load->blkio_requests, 7U);
  EXPECT_EQ(load->processes, 12U);
  EXPECT_FALSE(load->stats.memory);
  EXPECT_FALSE(read_load({"", fake.path("c"), fake.path("b"), "", fake.path("gone")}));
}

TEST(Load, Version2) {
  const test::FakeHost fake;
  fake.file("u/cpu.stat", "usage_usec 100\nuser_usec 60\nsystem_usec 40\n");
  fake.file("u/io.stat",
            "8:0 rbytes=100 wbytes=20 rios=5 wios=6 dbytes=9 dios=9\n8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n");
  fake.file("u/pids.current", "3\n");
  fake.file("u/memory.stat", "anon 10\nfile 5\n");
  const auto load = read_load({"", "", "", fake.path("u")});
  ASSERT_TRUE(load);
  EXPECT_EQ(load->cpu_user_ns, 60'000U);
  EXPECT_EQ(load->cpu_system_ns, 40'000U);
  EXPECT_EQ(load->blkio_total, 123U);
  EXPECT_EQ(load->blkio_read, 101U);
  EXPECT_EQ(load->blkio_written, 22U);
  EXPECT_EQ(load->blkio_requests, 18U);
  EXPECT_EQ(load->processes, 3U);
  EXPECT_EQ(load->stats.memory, 15U);
}

TEST(Load, WhatTheKernelDoesNotCountIsNotThere) {
  const test::FakeHost fake;
  fake.file("u/cgroup.procs", "");
  const auto load = read_load({"", "", "", fake.path("u")});
  ASSERT_TRUE(load);
  EXPECT_FALSE(load->cpu_user_ns || load->blkio_total || load->blkio_requests || load->processes || load->stats.memory);
}

TEST(KeyedValue, WholeKeysOnly) {
  EXPECT_EQ(keyed_value("anon_thp 1\nanon 2\n", "anon"), 2U);
  EXPECT_EQ(keyed_value("anon x\n", "anon"), std::nullopt);
  EXPECT_EQ(keyed_value("", "anon"), std::nullopt);
}

}  // namespace
}  // namespace berth::cgroup
