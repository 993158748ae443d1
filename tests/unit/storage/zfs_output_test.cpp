#include "storage/zfs/zfs_output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "storage/zfs/zfs_destroy.hpp"
#include "storage/zfs/zfs_tool.hpp"

namespace berth::storage::zfs {
namespace {

using ::testing::ElementsAre;

TEST(ZfsNames, WhatZfsTakes) {
  for (const char* name : {"tank", "tank/lxc/c1", "rpool/data/a-b_c.d:e", "tank/with blank", "t/1", "tank/-x"})
    EXPECT_TRUE(is_dataset_name(name)) << name;
}

TEST(ZfsNames, NothingThatCouldBeAnOptionASnapshotOrAPath) {
  for (const char* name : {"", "-r", "/tank/lxc", "tank/", "tank//a", "tank@snap", "tank/a@b", "tank/a#b", "tank/%rollback",
                           "1tank", "tank/..", "tank/./a", "tank/a\nb", "tank/a\tb", "tank/ a", "tank/a ", "tank/\xc3\xa4"})
    EXPECT_FALSE(is_dataset_name(name)) << name;
  EXPECT_TRUE(is_dataset_name("t/" + std::string(253, 'x')));
  EXPECT_FALSE(is_dataset_name("t/" + std::string(254, 'x')));
}

TEST(ZfsNames, Parts) {
  EXPECT_EQ(parent_of("tank/lxc/c1"), "tank/lxc");
  EXPECT_EQ(parent_of("tank"), "");
  EXPECT_EQ(last_part_of("tank/lxc/c1"), "c1");
  EXPECT_EQ(last_part_of("tank"), "tank");
  EXPECT_EQ(pool_of("tank/lxc/c1"), "tank");
}

// Before zfs is asked anything.
TEST(ZfsDestroy, NeverAWholePool) {
  const auto outcome = destroy("tank");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), EBUSY);
}

TEST(ZfsSizes, ExactAndRounded) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("494227456"), 494227456U);
  EXPECT_EQ(parse_size("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(parse_size("112K"), 112U << 10);
  EXPECT_EQ(parse_size("1.50G"), 3U << 29);
  EXPECT_EQ(parse_size("512B"), 512U);
}

TEST(ZfsSizes, NoNumbers) {
  for (const char* text :
       {"", "none", "-", "K", "1.5X", "-1", "1e3G", "G1", "17E99", "18446744073709551616", "99E", "1 G", "infG", "nanK"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(ZfsRows, FieldsBetweenTabs) {
  const auto rows = parse_rows("tank\t-\ntank/lxc/b c\ttank/lxc/a@b c\n", 2);
  ASSERT_TRUE(rows);
  EXPECT_THAT(*rows, ElementsAre(ElementsAre("tank", "-"), ElementsAre("tank/lxc/b c", "tank/lxc/a@b c")));
  EXPECT_TRUE(parse_rows("", 2)->empty());
}

TEST(ZfsRows, AnotherNumberOfFieldsIsAnError) {
  const auto rows = parse_rows("tank\t-\t1\n", 2);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code(), EPROTO);
}

// First column: zfs-fuse 0.7.0; second: the same of OpenZFS 2, from its messages.
TEST(ZfsFailures, ByTheirWords) {
  const auto both = [](std::string_view fuse, std::string_view open, int code) {
    EXPECT_EQ(failure_code(fuse), code) << fuse;
    EXPECT_EQ(failure_code(open), code) << open;
  };
  both("cannot create 'tank/a': dataset already exists\n", "cannot create 'tank/a': dataset already exists\n", EEXIST);
  both("cannot open 'tank/a': dataset does not exist\n", "cannot open 'tank/a': dataset does not exist\n", ENOENT);
  both("cannot create 'tank/a': no such pool 'tank'\n", "cannot create 'tank/a': no such pool 'tank'\n", ENOENT);
  both("umount: /run/x/y: target is busy.\ncannot unmount '/run/x/y': umount failed\n",
       "cannot unmount '/tank/a': pool or dataset is busy\n", EBUSY);
  both("cannot destroy 'tank/a': filesystem has dependent clones\n", "cannot destroy 'tank/a@b': snapshot has dependent clones\n",
       EBUSY);
  both("cannot create 'tank/a': out of space\n", "cannot create 'tank/a': out of space\n", ENOSPC);
  both("connect: No such file or directory\nPlease make sure that the zfs-fuse daemon is running.\n",
       "The ZFS modules cannot be auto-loaded.\nTry running 'modprobe zfs' as root to manually load them.\n", ENODEV);
  both("something new\n", "", EIO);
}

// --- mounts ------------------------------------------------------------------------------------------------------------------
std::string place_of(std::string_view dataset, std::string_view place) {
  const auto table = os::parse_mount_table(
      "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "30 20 0:50 / /home/eve/a rw,nosuid - fuse.zfs lxc/web rw,user_id=1000,group_id=1000\n"
      "31 20 0:51 / /home/eve/b rw,nosuid - fuse.zfs lxc/web rw,user_id=01,group_id=0\n"
      "32 20 0:52 / /home/eve/user_id=0 rw,nosuid - fuse.notzfs lxc/web rw,user_id=0\n"
      "33 20 0:53 / /srv/elsewhere rw - fuse.zfs lxc/web rw,user_id=0,group_id=0,allow_other\n"
      "34 20 0:53 /sub /srv/part rw - fuse.zfs lxc/web rw,user_id=0,group_id=0,allow_other\n"
      "35 20 0:53 / /var/lib/lxc/web/rootfs rw - fuse.zfs lxc/web rw,user_id=0,group_id=0,allow_other\n"
      "36 20 0:54 / /tank rw - zfs tank rw,xattr\n");
  const auto found = find_mounted(table.value(), dataset, place);
  return found ? found->directory : "";
}

TEST(ZfsMounts, AreWhereTheDatasetSays) {
  EXPECT_EQ(place_of("lxc/web", "/var/lib/lxc/web/rootfs"), "/var/lib/lxc/web/rootfs");
  EXPECT_EQ(place_of("tank", "/tank"), "/tank");
  EXPECT_EQ(place_of("lxc/web", "/tank"), "");
  EXPECT_EQ(place_of("lxc/web", "/srv/part"), "");
}

TEST(ZfsMounts, OfAUserAreNone) {
  EXPECT_EQ(place_of("lxc/web", ""), "/srv/elsewhere");
  EXPECT_EQ(place_of("lxc/web", "/home/eve/a"), "");
  EXPECT_EQ(place_of("lxc/web", "/home/eve/b"), "");
}

}  // namespace
}  // namespace berth::storage::zfs
