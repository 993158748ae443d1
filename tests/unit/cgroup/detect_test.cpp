#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cgroup/driver.hpp"
#include "fake_host.hpp"

namespace berth::cgroup {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kHybrid = R"(23 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:1 master:2 - cgroup cgroup rw,cpu,cpuacct
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/lib/systemd/agent,name=systemd
)";

std::vector<std::string> mount_points(const std::vector<Hierarchy>& all) {
  std::vector<std::string> out;
  for (const auto& one : all) out.push_back(one.mount_point);
  return out;
}

TEST(ParseMounts, HybridListsUnifiedLast) {
  const auto all = parse_mounts(kHybrid);
  EXPECT_THAT(mount_points(all), ElementsAre("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"));
  EXPECT_EQ(all[0].controllers, "cpu,cpuacct");
  EXPECT_EQ(all[1].controllers, "name=systemd");
  EXPECT_TRUE(all[2].unified());
}

TEST(ParseMounts, ACoveredMountDoesNotCount) {
  const auto text = std::string(kHybrid) + "50 31 0:38 / /sys/fs/cgroup rw - cgroup2 none rw\n";
  EXPECT_THAT(mount_points(parse_mounts(text)), ElementsAre("/sys/fs/cgroup"));
}

TEST(ParseMounts, AMountBesideIsNotCovering) {
  const auto text = std::string(kHybrid) + "50 31 0:50 / /sys/fs/cgroup/cpu rw - tmpfs none rw\n";
  EXPECT_EQ(parse_mounts(text).size(), 3U);
}

TEST(ParseMounts, TheFirstMountOfAHierarchyWins) {
  const auto text = std::string(kHybrid) + "50 23 0:38 / /srv/guest/sys/fs/cgroup rw - cgroup2 none rw\n";
  EXPECT_EQ(parse_mounts(text).back().mount_point, "/sys/fs/cgroup/unified");
}

TEST(ParseMounts, AMountOfTheRootIsPreferred) {
  const auto all = parse_mounts(
      "1 1 0:1 / / rw - ext4 a rw\n2 1 0:2 /part /x rw - cgroup2 none rw\n3 1 0:2 / /sys/fs/cgroup rw - cgroup2 none rw\n");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].mount_point, "/sys/fs/cgroup");
}

TEST(ParseMounts, DecodesBlanks) {
  EXPECT_EQ(parse_mounts("2 1 0:2 / /a\\040b\\134 rw - cgroup2 none rw\n").at(0).mount_point, "/a b\\");
}

// mount -t tmpfs "" DIRECTORY: the kernel writes an empty field.
TEST(ParseMounts, TakesMountsWithoutASource) {
  const std::string unified = "40 30 0:38 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2  rw,nsdelegate\n";
  ASSERT_EQ(parse_mounts(unified).size(), 1U);
  EXPECT_TRUE(parse_mounts(unified).front().unified());
  EXPECT_TRUE(parse_mounts(unified + "41 40 0:39 / /sys/fs/cgroup rw - tmpfs  rw\n").empty());
}

TEST(ParseMounts, IgnoresLinesThatAreNone) {
  EXPECT_TRUE(parse_mounts("").empty());
  EXPECT_TRUE(parse_mounts("x y z\n1 2\n- - - - - - - - -\n5 5 0:1 / / rw - cgroup\n").empty());
}

TEST(AssignOwnPaths, MatchesControllersInAnyOrder) {
  auto all = parse_mounts(kHybrid);
  assign_own_paths(all, "4:cpuacct,cpu:/a\n2:memory:/m\n1:name=systemd:/user.slice/b:c\n0::/u\n");
  EXPECT_EQ(all[0].own_path, "/a");
  EXPECT_EQ(all[1].own_path, "/user.slice/b:c");
  EXPECT_EQ(all[2].own_path, "/u");
}

TEST(AssignOwnPaths, IsBelowTheMountedPart) {
  auto all = parse_mounts("2 1 0:2 /lxc.payload.c1 /sys/fs/cgroup rw - cgroup2 none rw\n");
  auto same = all, outside = all;
  assign_own_paths(all, "0::/lxc.payload.c1/session\n");
  EXPECT_EQ(all[0].own_path, "/session");
  assign_own_paths(same, "0::/lxc.payload.c1\n");
  EXPECT_EQ(same[0].own_path, "/");
  assign_own_paths(outside, "0::/../other\n");
  EXPECT_EQ(outside[0].own_path, "/");
}

class DetectHost : public ::testing::Test {
 protected:
  void proc(std::string_view mounts, std::string_view groups) {
    fake.file("proc/self/mountinfo", std::string(mounts));
    fake.file("proc/self/cgroup", std::string(groups));
  }
  test::FakeHost fake;
};

TEST_F(DetectHost, Layouts) {
  proc("2 1 0:2 / /sys/fs/cgroup rw - cgroup2 none rw\n", "0::/x\n");
  auto host = detect_host(fake.path("proc"));
  ASSERT_TRUE(host) << host.error().line();
  EXPECT_EQ(host->layout, Layout::kV2);
  EXPECT_EQ(host->hierarchies.at(0).own_path, "/x");
  proc(kHybrid, "");
  EXPECT_EQ(detect_host(fake.path("proc"))->layout, Layout::kHybrid);
  proc("2 1 0:2 / /sys/fs/cgroup/cpu rw - cgroup none rw,cpu\n", "");
  EXPECT_EQ(detect_host(fake.path("proc"))->layout, Layout::kV1);
  proc("2 1 0:2 / / rw - ext4 none rw\n", "");
  EXPECT_EQ(detect_host(fake.path("proc"))->layout, Layout::kNone);
}

TEST_F(DetectHost, UseSelectsControllers) {
  proc(kHybrid, "");
  auto host = detect_host(fake.path("proc"), {"cpuacct"});
  ASSERT_TRUE(host) << host.error().line();
  EXPECT_THAT(mount_points(host->hierarchies), ElementsAre("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/unified"));
  EXPECT_EQ(detect_host(fake.path("proc"), {"@all"})->hierarchies.size(), 3U);
}

TEST_F(DetectHost, UseOfAnAbsentControllerIsNamed) {
  proc("2 1 0:2 / /sys/fs/cgroup/cpu rw - cgroup none rw,cpu\n", "");
  const auto host = detect_host(fake.path("proc"), {"cpu", "blkio"});
  ASSERT_FALSE(host);
  EXPECT_THAT(host.error().line(), HasSubstr("'blkio'"));
}

TEST_F(DetectHost, MissingProcIsAnError) { EXPECT_FALSE(detect_host(fake.path("nowhere"))); }

}  // namespace
}  // namespace berth::cgroup
