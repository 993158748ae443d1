#include "os/mount_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::os {
namespace {

constexpr std::string_view kTable =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro\n"
    "23 22 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 master:4 propagate_from:2 - proc proc rw\n"
    "30 22 0:30 /sub\\040dir /mnt/a\\040b\\011c\\134d ro unbindable - tmpfs  rw,size=65536k\n"
    "31 22 0:31 / /mnt/fuse rw - fuse.sshfs user@host:/x rw\n";

TEST(MountTable, ReadsEveryField) {
  const auto table = parse_mount_table(kTable).value();
  ASSERT_EQ(table.size(), 4U);
  EXPECT_EQ(table[0].id, 22U);
  EXPECT_EQ(table[0].parent, 1U);
  EXPECT_EQ(table[0].major, 254U);
  EXPECT_EQ(table[0].minor, 0U);
  EXPECT_EQ(table[0].source, "/dev/vda");
  EXPECT_EQ(table[1].shared, 12U);
  EXPECT_EQ(table[1].master, 4U);
  EXPECT_FALSE(table[1].unbindable);
  EXPECT_TRUE(table[1].has_option("nodev"));
  EXPECT_FALSE(table[1].has_option("node"));
  EXPECT_TRUE(table[0].has_super_option("errors=remount-ro"));
  EXPECT_EQ(table[3].type, "fuse.sshfs");
}

TEST(MountTable, EscapesAndAnEmptySource) {
  const MountEntry entry = parse_mount_table(kTable).value()[2];
  EXPECT_EQ(entry.root, "/sub dir");
  EXPECT_EQ(entry.target, "/mnt/a b\tc\\d");
  EXPECT_EQ(entry.source, "");
  EXPECT_TRUE(entry.unbindable);
  EXPECT_EQ(entry.super_options, "rw,size=65536k");
}

TEST(MountTable, EscapesThatAreNoneStay) {
  EXPECT_EQ(unescape_octal("\\04"), "\\04");
  EXPECT_EQ(unescape_octal("\\"), "\\");
  EXPECT_EQ(unescape_octal("\\049"), "\\049");
  EXPECT_EQ(unescape_octal("\\777"), "\\777");
  EXPECT_EQ(unescape_octal("\\-12"), "\\-12");
  EXPECT_EQ(unescape_octal("\\134040"), "\\040") << "an escaped backslash starts no escape";
  EXPECT_EQ(unescape_octal("a\\043"), "a#");
}

TEST(MountTable, WhatIsNotUnderstoodIsNamed) {
  EXPECT_EQ(parse_mount_table("22 1 254:0 / / rw - ext4 a rw\nrubbish\n").error().line(),
            "mount table, line 2 is not understood: \"rubbish\"");
  for (const std::string_view bad : {"x 1 0:1 / / rw - t s rw", "1 1 01 / / rw - t s rw", "1 1 0:1 / / rw shared:x - t s rw",
                                     "1 1 0:1 / / rw - t s", "1 1 0:1 / / rw shared:1 t s rw more words"}) {
    EXPECT_FALSE(parse_mount_table(bad)) << bad;
  }
  EXPECT_TRUE(parse_mount_table("").value().empty());
}

TEST(MountTable, TheMountOfAPathIsTheDeepestAndTheLast) {
  auto table = parse_mount_table(kTable).value();
  EXPECT_EQ(find_mount_of(table, "/proc/1/fd")->id, 23U);
  EXPECT_EQ(find_mount_of(table, "/process")->id, 22U);
  table.push_back(table[1]);
  table.back().id = 99;  // mounted over
  EXPECT_EQ(find_mount_of(table, "/proc")->id, 99U);
  EXPECT_EQ(find_mount_of({}, "/"), nullptr);
}

TEST(MountTable, LoadsTheKernelsOwn) {
  const auto table = load_mount_table().value();
  EXPECT_NE(find_mount_of(table, "/proc/self"), nullptr);
  EXPECT_THAT(load_mount_table("/proc/self/cmdline-not-there").error().line(), ::testing::HasSubstr("ENOENT"));
}

}  // namespace
}  // namespace berth::os
