#include "cgroup/naming.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace berth::cgroup {
namespace {

using test::request_for;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Naming : public ::testing::Test {
 protected:
  Naming() {
    fake.v1("memory");
    fake.v1("pids");
  }
  Result<Arrangement> arranged() { return arrange(fake.host, request); }
  std::string limit_of(std::size_t index) {
    const auto result = arranged();
    return result ? result->placements.at(index).limit : result.error().line();
  }

  test::FakeHost fake;
  Request request = request_for("c1");
};

TEST_F(Naming, PlainNameAtTheRoot) {
  const auto result = arranged();
  ASSERT_TRUE(result) << result.error().line();
  const auto& memory = result->placements.at(0);
  EXPECT_EQ(memory.monitor, fake.path("memory/lxc.monitor.c1"));
  EXPECT_EQ(memory.limit, fake.path("memory/lxc.payload.c1"));
  EXPECT_EQ(memory.payload, memory.limit);
  EXPECT_THAT(memory.make, ElementsAre(memory.monitor, memory.limit));
  EXPECT_THAT(memory.stale, IsEmpty());
}

TEST_F(Naming, TakenInOneHierarchyIsTakenInAll) {
  fake.group("pids/lxc.payload.c1", "42\n");
  EXPECT_EQ(limit_of(0), fake.path("memory/lxc.payload.c1-1"));
  EXPECT_EQ(limit_of(1), fake.path("pids/lxc.payload.c1-1"));
  fake.group("memory/lxc.monitor.c1-1", "43\n");
  EXPECT_EQ(limit_of(1), fake.path("pids/lxc.payload.c1-2"));
}

TEST_F(Naming, AProcessBelowCounts) {
  fake.group("pids/lxc.payload.c1");
  fake.group("pids/lxc.payload.c1/system.slice/a.service", "42\n");
  EXPECT_EQ(limit_of(0), fake.path("memory/lxc.payload.c1-1"));
}

TEST_F(Naming, EmptyLeftoversAreReused) {
  fake.group("pids/lxc.payload.c1");
  fake.group("pids/lxc.payload.c1/user.slice");
  fake.group("pids/lxc.monitor.c1");
  const auto result = arranged();
  ASSERT_TRUE(result) << result.error().line();
  const auto& pids = result->placements.at(1);
  EXPECT_THAT(pids.stale, ElementsAre(fake.path("pids/lxc.monitor.c1"), fake.path("pids/lxc.payload.c1")));
  EXPECT_THAT(pids.make, ElementsAre(fake.path("pids/lxc.monitor.c1"), fake.path("pids/lxc.payload.c1")));
  EXPECT_THAT(result->placements.at(0).stale, IsEmpty());
}

TEST_F(Naming, AnEmptyPayloadWithALivingMonitorIsTaken) {
  fake.group("pids/lxc.payload.c1");
  fake.group("pids/lxc.monitor.c1", "42\n");
  EXPECT_EQ(limit_of(0), fake.path("memory/lxc.payload.c1-1"));
}

TEST_F(Naming, ThousandTaken) {
  for (unsigned i = 0; i < 1000; ++i) fake.group(names_for(request, i).limit.insert(0, "pids/"), "1\n");
  const auto result = arranged();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().line(), HasSubstr("no free cgroup name"));
  EXPECT_THAT(result.error().hint(), HasSubstr("lxc.cgroup.dir"));
  EXPECT_EQ(result.error().code(), EEXIST);
}

TEST_F(Naming, TheLastOfAThousand) {
  for (unsigned i = 0; i < 999; ++i) fake.group(names_for(request, i).limit.insert(0, "pids/"), "1\n");
  EXPECT_EQ(limit_of(1), fake.path("pids/lxc.payload.c1-999"));
}

TEST_F(Naming, DirectoryIsMadeFirst) {
  request.dir = "/a/b/";
  const auto result = arranged();
  ASSERT_TRUE(result) << result.error().line();
  EXPECT_THAT(result->placements.at(0).make,
              ElementsAre(fake.path("memory/a"), fake.path("memory/a/b"), fake.path("memory/a/b/lxc.monitor.c1"),
                          fake.path("memory/a/b/lxc.payload.c1")));
}

TEST_F(Naming, ExistingParentsAreLeftOut) {
  fake.group("memory/a");
  request.dir = "a";
  EXPECT_THAT(arranged()->placements.at(0).make,
              ElementsAre(fake.path("memory/a/lxc.monitor.c1"), fake.path("memory/a/lxc.payload.c1")));
}

TEST_F(Naming, FixedNamesAndInner) {
  request.dir_monitor = "m/x";
  request.dir_container = "p";
  request.dir_container_inner = "ns";
  const auto result = arranged();
  ASSERT_TRUE(result) << result.error().line();
  const auto& pids = result->placements.at(1);
  EXPECT_EQ(pids.monitor, fake.path("pids/m/x"));
  EXPECT_EQ(pids.limit, fake.path("pids/p"));
  EXPECT_EQ(pids.payload, fake.path("pids/p/ns"));
  EXPECT_THAT(pids.make, ElementsAre(fake.path("pids/m"), fake.path("pids/m/x"), fake.path("pids/p"), fake.path("pids/p/ns")));
}

TEST_F(Naming, AFixedNameInUseIsAnError) {
  request.dir_monitor = "m";
  request.dir_container = "p";
  fake.group("pids/p/below", "42\n");
  const auto result = arranged();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().line(), HasSubstr(fake.path("pids/p")));
}

TEST_F(Naming, AFixedMonitorGroupMayBeShared) {
  request.dir_monitor = "m";
  request.dir_container = "p";
  fake.group("pids/m", "42\n");
  const auto result = arranged();
  ASSERT_TRUE(result) << result.error().line();
  EXPECT_THAT(result->placements.at(1).stale, IsEmpty());
  EXPECT_THAT(result->placements.at(1).make, ElementsAre(fake.path("pids/p")));
}

TEST_F(Naming, Pattern) {
  request.pattern = "lxc/%n";
  EXPECT_EQ(limit_of(0), fake.path("memory/lxc/c1/payload"));
  fake.group("pids/lxc/c1/payload", "42\n");
  EXPECT_EQ(limit_of(0), fake.path("memory/lxc/c1/payload-1"));
}

TEST_F(Naming, BadDirectories) {
  request.dir = "a/../b";
  EXPECT_THAT(arranged().error().line(), HasSubstr("lxc.cgroup.dir = a/../b"));
  request.dir = "";
  request.dir_container = "p";
  EXPECT_THAT(arranged().error().line(), HasSubstr("lxc.cgroup.dir.monitor is not set"));
  request.dir_monitor = "m";
  request.dir_container_inner = "a/b";
  EXPECT_THAT(arranged().error().line(), HasSubstr("lxc.cgroup.dir.container.inner"));
}

TEST_F(Naming, Pivot) {
  EXPECT_EQ(pivot_for(request), "lxc.pivot");
  request.dir = "d";
  EXPECT_EQ(pivot_for(request), "d/lxc.pivot");
  request.dir_monitor_pivot = "p";
  EXPECT_EQ(pivot_for(request), "p/lxc.pivot");
}

}  // namespace
}  // namespace berth::cgroup
