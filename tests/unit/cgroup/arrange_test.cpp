#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "cgroup/driver.hpp"
#include "fake_host.hpp"
#include "sys/features.hpp"
#include "sys/raw.hpp"

namespace berth::cgroup {
namespace {

using test::request_for;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// What access checks answer: as root everything is writable, so the refusals are faked at the door to the kernel.
std::vector<std::string>* refused = nullptr;

long refuse(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_faccessat2) {
    const std::string path = reinterpret_cast<const char*>(b);
    for (const auto& one : *refused) {
      if (path == one) return -EACCES;
    }
  }
  return sys::raw::kernel(number, a, b, c, d, e, f);
}

class Arrange : public ::testing::Test {
 protected:
  Result<Arrangement> arranged() { return arrange(fake.host, request); }
  // "FILE=VALUE" below the temporary root.
  std::vector<std::string> written(const Arrangement& arrangement) const {
    std::vector<std::string> out;
    for (const auto& write : arrangement.writes) out.push_back(write.path.substr(fake.path().size() + 1) + "=" + write.value);
    return out;
  }
  void v1(const std::string& file, const std::string& value) { request.v1.push_back({file, value, {"/cfg", 3, file}}); }
  void v2(const std::string& file, const std::string& value) { request.v2.push_back({file, value, {"/cfg", 4, file}}); }

  test::FakeHost fake;
  Request request = request_for("c1");
};

TEST_F(Arrange, NoHierarchyIsAnEmptyArrangement) {
  auto result = arranged();
  ASSERT_TRUE(result);
  EXPECT_THAT(result->placements, IsEmpty());
  EXPECT_THAT(result->warnings, IsEmpty());
  v2("memory.max", "1G");
  EXPECT_EQ(arranged()->warnings.size(), 1U);
}

TEST_F(Arrange, RootLeavesItsGroupUnlessRelative) {
  fake.v1("memory", "/process/x");
  fake.group("memory/process/x");
  EXPECT_EQ(arranged()->placements.at(0).limit, fake.path("memory/lxc.payload.c1"));
  request.relative = true;
  EXPECT_EQ(arranged()->placements.at(0).limit, fake.path("memory/process/x/lxc.payload.c1"));
}

TEST_F(Arrange, AnOrdinaryUserStaysBesideInitScope) {
  fake.unified("memory", "", "/user/init.scope");
  fake.group("unified/user/init.scope");
  fake.host.privileged = false;
  EXPECT_EQ(arranged()->placements.at(0).limit, fake.path("unified/user/lxc.payload.c1"));
}

TEST_F(Arrange, CpusetIsInheritedByEveryNewGroup) {
  fake.v1("cpuset");
  request.dir = "d";
  v1("cpuset.cpus", "1");
  EXPECT_THAT(written(*arranged()), ElementsAre("cpuset/d/cpuset.cpus=0-3", "cpuset/d/lxc.monitor.c1/cpuset.cpus=0-3",
                                                "cpuset/d/lxc.payload.c1/cpuset.cpus=0-3", "cpuset/d/cpuset.mems=0",
                                                "cpuset/d/lxc.monitor.c1/cpuset.mems=0", "cpuset/d/lxc.payload.c1/cpuset.mems=0",
                                                "cpuset/d/lxc.payload.c1/cpuset.cpus=1"));
}

TEST_F(Arrange, AnEmptyParentCpusetIsFilledToo) {
  fake.v1("cpuset");
  fake.group("cpuset/d");
  fake.file("cpuset/d/cpuset.cpus", "\n");
  fake.file("cpuset/d/cpuset.mems", "0\n");
  request.dir = "d";
  EXPECT_THAT(written(*arranged()),
              ElementsAre("cpuset/d/cpuset.cpus=0-3", "cpuset/d/lxc.monitor.c1/cpuset.cpus=0-3",
                          "cpuset/d/lxc.payload.c1/cpuset.cpus=0-3", "cpuset/d/lxc.monitor.c1/cpuset.mems=0",
                          "cpuset/d/lxc.payload.c1/cpuset.mems=0"));
}

TEST_F(Arrange, AnInnerCpusetFitsItsLimit) {
  fake.v1("cpuset");
  request.dir_monitor = "m";
  request.dir_container = "p";
  request.dir_container_inner = "i";
  v1("cpuset.cpus", "1");
  EXPECT_THAT(written(*arranged()), Contains("cpuset/p/i/cpuset.cpus=1"));
  EXPECT_EQ(written(*arranged()).back(), "cpuset/p/cpuset.cpus=1");
}

TEST_F(Arrange, OldMemoryGroupsCountTheirChildren) {
  fake.v1("memory");
  fake.file("memory/memory.use_hierarchy", "0\n");
  const auto result = arranged();
  EXPECT_THAT(written(*result), Contains("memory/lxc.payload.c1/memory.use_hierarchy=1"));
  EXPECT_TRUE(result->writes.front().may_fail);
  fake.file("memory/memory.use_hierarchy", "1\n");
  EXPECT_THAT(arranged()->writes, IsEmpty());
}

TEST_F(Arrange, SettingsGoToTheirHierarchies) {
  fake.v1("cpu,cpuacct");
  fake.v1("devices");
  fake.unified("hugetlb memory");
  v1("cpu.shares", "5");
  v1("devices.deny", "a");
  v2("memory.max", "1G");
  const auto result = arranged();
  ASSERT_TRUE(result) << result.error().line();
  EXPECT_THAT(written(*result), ElementsAre("unified/cgroup.subtree_control=+memory", "cpu,cpuacct/lxc.payload.c1/cpu.shares=5",
                                            "devices/lxc.payload.c1/devices.deny=a", "unified/lxc.payload.c1/memory.max=1G"));
  EXPECT_FALSE(result->writes[0].may_fail);
  EXPECT_TRUE(result->writes[2].devices);
  EXPECT_EQ(result->writes[3].origin.line, 4U);
  EXPECT_THAT(result->warnings, IsEmpty());
}

TEST_F(Arrange, HybridEnablesNothingThatIsNotAskedFor) {
  fake.v1("cpu");
  fake.unified("hugetlb memory");
  EXPECT_THAT(arranged()->writes, IsEmpty());
}

TEST_F(Arrange, PureV2EnablesAllForTheGuest) {
  fake.unified("cpu memory pids", "cpu");
  request.dir = "d";
  v2("memory.max", "1G");
  const auto result = arranged();
  EXPECT_THAT(written(*result), ElementsAre("unified/cgroup.subtree_control=+memory", "unified/cgroup.subtree_control=+pids",
                                            "unified/d/cgroup.subtree_control=+memory", "unified/d/cgroup.subtree_control=+cpu",
                                            "unified/d/cgroup.subtree_control=+pids", "unified/d/lxc.payload.c1/memory.max=1G"));
  EXPECT_FALSE(result->writes[0].may_fail);
  EXPECT_TRUE(result->writes[1].may_fail);
}

TEST_F(Arrange, AnInnerGroupGetsControllersFromItsLimit) {
  fake.unified("memory", "memory");
  request.dir_monitor = "m";
  request.dir_container = "p";
  request.dir_container_inner = "i";
  EXPECT_THAT(written(*arranged()), ElementsAre("unified/p/cgroup.subtree_control=+memory"));
}

TEST_F(Arrange, LegacyKeysAreTranslatedWithAWarning) {
  fake.unified("cpu memory pids", "cpu memory pids");
  v1("cpu.shares", "512");
  v1("pids.max", "10");
  v1("memory.swappiness", "10");
  v1("net_cls.classid", "1");
  const auto result = arranged();
  ASSERT_TRUE(result) << result.error().line();
  EXPECT_THAT(written(*result), ElementsAre("unified/lxc.payload.c1/cpu.weight=50", "unified/lxc.payload.c1/pids.max=10"));
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("/cfg:3: lxc.cgroup.cpu.shares = 512 is applied as cpu.weight = 50"),
                                            HasSubstr("lxc.cgroup.memory.swappiness = 10 is not applied"), HasSubstr("net_cls")));
}

TEST_F(Arrange, ANativeValueGoesBeforeATranslatedOne) {
  fake.unified("memory", "memory");
  v1("memory.limit_in_bytes", "1G");
  v2("memory.max", "2G");
  EXPECT_THAT(written(*arranged()), ElementsAre("unified/lxc.payload.c1/memory.max=2G"));
  EXPECT_THAT(arranged()->warnings, IsEmpty());
}

TEST_F(Arrange, NewKeysAreTranslatedForV1) {
  fake.v1("memory");
  fake.v1("cpu");
  fake.v1("blkio");
  fake.v1("freezer");
  v2("memory.max", "1G");
  v2("cpu.max", "5 10");
  v2("io.max", "8:0 rbps=7");
  v2("cgroup.freeze", "0");
  EXPECT_THAT(written(*arranged()),
              ElementsAre("memory/lxc.payload.c1/memory.limit_in_bytes=1G", "cpu/lxc.payload.c1/cpu.cfs_period_us=10",
                          "cpu/lxc.payload.c1/cpu.cfs_quota_us=5", "blkio/lxc.payload.c1/blkio.throttle.read_bps_device=8:0 7",
                          "freezer/lxc.payload.c1/freezer.state=THAWED"));
}

TEST_F(Arrange, BfqWeightWhereTheKernelHasNoOther) {
  fake.unified("io", "io");
  fake.file("unified/some.slice/io.bfq.weight", "100\n");
  v1("blkio.weight", "300");
  EXPECT_THAT(written(*arranged()), ElementsAre("unified/lxc.payload.c1/io.bfq.weight=300"));
  fake.file("unified/some.slice/io.weight", "100\n");
  EXPECT_THAT(written(*arranged()), ElementsAre("unified/lxc.payload.c1/io.weight=60"));
}

TEST_F(Arrange, AnUnknownControllerIsNamedWithItsLine) {
  fake.v1("cpu");
  fake.unified("memory");
  v2("weird.max", "1");
  const auto result = arranged();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().line(), HasSubstr("lxc.cgroup2.weird.max"));
  EXPECT_THAT(result.error().because(), HasSubstr("cgroup v1: cpu; cgroup v2: memory"));
  EXPECT_EQ(result.error().origin().line, 4U);
}

TEST_F(Arrange, AnUnknownLegacyControllerIsAnErrorBesideV1) {
  fake.v1("cpu");
  v1("weird.max", "1");
  EXPECT_THAT(arranged().error().line(), HasSubstr("lxc.cgroup.weird.max"));
}

TEST_F(Arrange, ALimitWhoseControllerIsMissingOnV2IsAnError) {
  fake.unified("cpu");
  v1("memory.limit_in_bytes", "1G");
  EXPECT_THAT(arranged().error().line(), HasSubstr("lxc.cgroup.memory.limit_in_bytes"));
}

TEST_F(Arrange, DeviceRulesUseTheV1Hierarchy) {
  fake.v1("devices");
  fake.unified("memory");
  v2("devices.deny", "a");
  v2("devices.allow", "c 1:3 rwm");
  EXPECT_THAT(written(*arranged()),
              ElementsAre("devices/lxc.payload.c1/devices.deny=a", "devices/lxc.payload.c1/devices.allow=c 1:3 rwm"));
  EXPECT_TRUE(arranged()->writes[1].devices);
  v1("devices.allow", "c 1:5 rwm");
  EXPECT_THAT(written(*arranged()), ElementsAre("devices/lxc.payload.c1/devices.allow=c 1:5 rwm"));
}

TEST_F(Arrange, DeviceRulesBecomeAProgramWithoutThatHierarchy) {
  const sys::ScopedFeature available(sys::Feature::kDeviceProgram, true);
  fake.unified("memory", "memory");
  v1("devices.allow", "a");
  v2("devices.deny", " a ");
  v2("devices.allow", "c 1:3 rwm");
  const auto result = arranged();
  ASSERT_TRUE(result) << result.error().line();
  EXPECT_THAT(result->warnings, IsEmpty());
  ASSERT_TRUE(result->devices);
  EXPECT_EQ(result->devices->group, fake.path("unified/lxc.payload.c1"));
  EXPECT_THAT(result->devices->rules, ElementsAre("deny a", "allow c 1:3 rwm"));
  EXPECT_EQ(result->devices->program.size() % 16, 0U);
  EXPECT_EQ(result->devices->origin.line, 4U);
}

TEST_F(Arrange, DeviceRulesInV1WordsBeginWithEverythingInV2WordsWithTheirFirstRule) {
  const sys::ScopedFeature available(sys::Feature::kDeviceProgram, true);
  fake.unified("memory", "memory");
  v1("devices.allow", "c 1:3 rwm");
  EXPECT_FALSE(arranged()->devices);  // nothing is denied: no program
  v2("devices.allow", "c 1:3 rwm");
  EXPECT_TRUE(arranged()->devices);
}

TEST_F(Arrange, ADeviceRuleThatIsNoneIsToldWithItsLine) {
  fake.unified("memory", "memory");
  v2("devices.allow", "c 1:3");
  const auto result = arranged();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().line(), HasSubstr("lxc.cgroup2.devices.allow"));
  EXPECT_EQ(result.error().origin().line, 4U);
  request.v2.clear();
  v2("devices.list", "a");
  EXPECT_THAT(arranged().error().hint(), HasSubstr("devices.deny"));
}

TEST_F(Arrange, DeviceRulesOfAKernelWithoutProgramsWarnOnce) {
  const sys::ScopedFeature missing(sys::Feature::kDeviceProgram, false);
  fake.unified("memory", "memory");
  v2("devices.deny", "a");
  v1("devices.allow", "c 1:3 rwm");
  const auto result = arranged();
  EXPECT_FALSE(result->devices);
  EXPECT_THAT(result->writes, IsEmpty());
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("device rules need")));
}

TEST_F(Arrange, Delegation) {
  fake.v1("pids");
  fake.unified("memory");
  fake.file("delegate", "cgroup.procs\nmemory.reclaim\n../evil\n");
  request.namespaced_user = true;
  request.owner_uid = 100000;
  request.owner_gid = 100001;
  std::vector<std::string> paths;
  const auto result = arranged();
  ASSERT_TRUE(result) << result.error().line();
  for (const auto& one : result->chowns) {
    EXPECT_EQ(one.uid, 100000U);
    EXPECT_EQ(one.gid, 100001U);
    paths.push_back(one.path.substr(fake.path().size() + 1));
  }
  EXPECT_THAT(paths, ElementsAre("pids/lxc.payload.c1", "pids/lxc.payload.c1/cgroup.procs", "pids/lxc.payload.c1/tasks",
                                 "unified/lxc.payload.c1", "unified/lxc.payload.c1/cgroup.procs",
                                 "unified/lxc.payload.c1/cgroup.threads", "unified/lxc.payload.c1/cgroup.subtree_control",
                                 "unified/lxc.payload.c1/memory.oom.group", "unified/lxc.payload.c1/memory.reclaim"));
}

TEST_F(Arrange, TheRealRootNeedsNoPivot) {
  fake.unified("memory");
  EXPECT_EQ(arranged()->pivot, "");
  request.dir_monitor_pivot = "p";
  EXPECT_EQ(arranged()->pivot, fake.path("unified/p/lxc.pivot"));
  request.dir_monitor_pivot.clear();
  fake.file("unified/cgroup.events", "populated 1\n");
  EXPECT_EQ(arranged()->pivot, fake.path("unified/lxc.pivot"));
}

TEST_F(Arrange, FreezerPrefersV1) {
  fake.unified("memory");
  EXPECT_EQ(arranged()->freezer_file, fake.path("unified/lxc.payload.c1/cgroup.freeze"));
  EXPECT_TRUE(arranged()->freezer_is_v2);
  fake.v1("freezer");
  EXPECT_EQ(arranged()->freezer_file, fake.path("freezer/lxc.payload.c1/freezer.state"));
  EXPECT_FALSE(arranged()->freezer_is_v2);
}

class Refused : public Arrange {
 protected:
  Refused() { refused = &list; }
  ~Refused() override { refused = nullptr; }
  std::vector<std::string> list;
  sys::raw::ScopedDispatch dispatch{refuse};
};

TEST_F(Refused, UnwritableHierarchiesAreSkipped) {
  fake.host.privileged = false;
  fake.v1("memory");
  fake.v1("devices");
  fake.unified("pids", "", "/user");
  fake.group("unified/user");
  list = {fake.path("memory"), fake.path("devices")};
  ASSERT_TRUE(arranged()) << arranged().error().line();
  EXPECT_EQ(arranged()->placements.size(), 1U);
  v2("devices.deny", "a");
  EXPECT_THAT(arranged()->warnings, ElementsAre(HasSubstr("this user does not have")));
  v1("memory.limit_in_bytes", "1");
  const auto result = arranged();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().line(), HasSubstr("not writable"));
  EXPECT_EQ(result.error().origin().line, 3U);
}

TEST_F(Refused, PureV2NamesTheDelegation) {
  fake.host.privileged = false;
  fake.unified("pids", "", "/user/session");
  fake.group("unified/user/session");
  list = {fake.path("unified/user/session")};
  const auto result = arranged();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), EACCES);
  EXPECT_THAT(result.error().line(), HasSubstr(fake.path("unified/user/session")));
  EXPECT_THAT(result.error().hint(), HasSubstr("systemd-run --user --scope -p Delegate=yes"));
}

TEST_F(Refused, RootInANamespaceFallsBackToItsOwnGroup) {
  fake.unified("pids", "", "/lxc.payload.outer");
  fake.group("unified/lxc.payload.outer");
  list = {fake.path("unified")};
  EXPECT_EQ(arranged()->placements.at(0).limit, fake.path("unified/lxc.payload.outer/lxc.payload.c1"));
  list.push_back(fake.path("unified/lxc.payload.outer"));
  EXPECT_THAT(arranged().error().hint(), HasSubstr("remount,rw"));
}

TEST_F(Refused, LeftoversOfAnotherOwnerAreTaken) {
  fake.host.privileged = false;
  fake.unified("pids");
  fake.group("unified/lxc.payload.c1/init.scope");
  list = {fake.path("unified/lxc.payload.c1")};
  EXPECT_EQ(arranged()->placements.at(0).limit, fake.path("unified/lxc.payload.c1-1"));
}

}  // namespace
}  // namespace berth::cgroup
