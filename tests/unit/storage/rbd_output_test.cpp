#include "storage/rbd/rbd_output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace berth::storage::rbd {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;

TEST(RbdPaths, ThereAndBack) {
  for (const char* path : {"/dev/rbd/lxc/c1", "/dev/rbd/lxc/tenant/c1", "/dev/rbd/p.1/a-b_c"}) {
    const auto image = parse_path(path);
    ASSERT_TRUE(image) << path;
    EXPECT_EQ(path_of(*image), path);
  }
  EXPECT_EQ(parse_path("/dev/rbd/lxc/tenant/c1"), (Image{"lxc", "tenant", "c1"}));
}

TEST(RbdPaths, NothingElse) {
  for (const char* path : {"", "/dev/rbd", "/dev/rbd/", "/dev/rbd0", "/dev/rbd/lxc", "/dev/rbd/lxc/", "/dev/rbd//c1",
                           "/dev/rbd/a/b/c/d", "/dev/rbd/lxc/c1@snap", "/dev/rbd/lxc/..", "/dev/rbd/lxc/--all",
                           "/dev/rbd/lxc/a b", "/dev/rbd/lxc/a\n", "lxc/c1", "/dev/lxc/c1"})
    EXPECT_FALSE(parse_path(path)) << path;
}

TEST(RbdOutput, AnImageAndItsParent) {
  const auto plain = parse_info(R"({"name":"c1","id":"1","size":67108864,"objects":16,"format":2,"features":["layering"]})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->size, 67108864U);
  EXPECT_FALSE(plain->parent);
  const auto clone = parse_info(R"({"name":"c2","size":67108864,"parent":{"pool":"lxc","pool_namespace":"","image":"c1","id":"1",
                                   "snapshot":"berth-for-c2","trash":false,"overlap":67108864}})");
  ASSERT_TRUE(clone && clone->parent);
  EXPECT_EQ(clone->parent->image, (Image{"lxc", "", "c1"}));
  EXPECT_EQ(clone->parent->snapshot, "berth-for-c2");
}

TEST(RbdOutput, Snapshots) {
  const auto snapshots = parse_snapshots(
      R"([{"id":4,"name":"s","size":1,"protected":"true","timestamp":"x"},{"id":5,"name":"t","size":1,"protected":"false"}])");
  ASSERT_TRUE(snapshots);
  EXPECT_THAT(*snapshots, ElementsAre(FieldsAre("s", true), FieldsAre("t", false)));
  EXPECT_TRUE(parse_snapshots("[]")->empty());
}

// By the kernel, by rbd-nbd, and by the kernel in Ceph 12.
TEST(RbdOutput, MappedImages) {
  const auto kernel = parse_mappings(R"([{"id":"0","pool":"lxc","namespace":"","name":"c1","snap":"-","device":"/dev/rbd0"}])");
  ASSERT_TRUE(kernel);
  EXPECT_THAT(*kernel, ElementsAre(FieldsAre(Image{"lxc", "", "c1"}, "/dev/rbd0", false)));
  const auto nbd = parse_mappings(R"([{"id":77,"pool":"lxc","namespace":"t","image":"c1","snap":"s","device":"/dev/nbd0"}])");
  ASSERT_TRUE(nbd);
  EXPECT_THAT(*nbd, ElementsAre(FieldsAre(Image{"lxc", "t", "c1"}, "/dev/nbd0", true)));
  const auto old = parse_mappings(R"({"0":{"pool":"lxc","name":"c1","snap":"-","device":"/dev/rbd0"}})");
  ASSERT_TRUE(old);
  EXPECT_THAT(*old, ElementsAre(FieldsAre(Image{"lxc", "", "c1"}, "/dev/rbd0", false)));
}

TEST(RbdOutput, ImagesClonesWatchersAndUsage) {
  const auto images = parse_images(R"([{"image":"c1","id":"1","size":1},{"image":"c1","snapshot":"s","protected":"true"}])");
  ASSERT_TRUE(images);
  EXPECT_THAT(*images, ElementsAre(FieldsAre("c1", ""), FieldsAre("c1", "s")));
  const auto clones = parse_children(R"([{"pool":"lxc","pool_namespace":"","image":"c2"}])");
  ASSERT_TRUE(clones);
  EXPECT_THAT(*clones, ElementsAre(Image{"lxc", "", "c2"}));
  EXPECT_THAT(*parse_watchers(R"({"watchers":[{"address":"10.0.0.1:0/123","client":4125,"cookie":1}]})"),
              ElementsAre("10.0.0.1:0/123"));
  EXPECT_THAT(*parse_watchers(R"({"watchers":{"watcher":{"address":"10.0.0.1:0/123"}}})"), ElementsAre("10.0.0.1:0/123"));
  EXPECT_TRUE(parse_watchers(R"({"watchers":[]})")->empty());
  EXPECT_EQ(*parse_usage(R"({"images":[{"name":"c1","snapshot":"s","used_size":4194304},{"name":"c1","used_size":8388608}]})"),
            12582912U);
}

TEST(RbdOutput, WhatIsNotUnderstoodIsAnError) {
  for (const char* json : {"", "[", "null", "7", "[1]", "\"x\"", R"([{"device":"/dev/rbd0"}])"}) {
    EXPECT_FALSE(parse_mappings(json)) << json;
    EXPECT_FALSE(parse_info(json)) << json;
    EXPECT_FALSE(parse_snapshots(json)) << json;
  }
  EXPECT_FALSE(parse_info(R"({"size":-1})"));
  EXPECT_FALSE(parse_info(R"({"size":1,"parent":{"pool":"lxc"}})"));
  EXPECT_FALSE(parse_mappings(R"([{"pool":"lxc","name":"c1","device":"rbd0"}])"));
  EXPECT_FALSE(parse_usage(R"({"images":[7]})"));
}

TEST(RbdFailures, TheStatusIsTheErrno) {
  EXPECT_EQ(failure_code(EEXIST, "rbd: create error: (17) File exists\n"), EEXIST);
  EXPECT_EQ(failure_code(ENOENT, "rbd: error opening image nope: (2) No such file or directory\n"), ENOENT);
  EXPECT_EQ(failure_code(ENOTEMPTY, "rbd: image has snapshots - these must be deleted\n"), EBUSY);
  EXPECT_EQ(failure_code(1, "?"), EIO);
  EXPECT_EQ(failure_code(255, "?"), EIO);
}

// An image is not gone because nobody can be asked.
TEST(RbdFailures, NoClusterIsNotNoImage) {
  EXPECT_EQ(
      failure_code(ENOENT, "rbd: couldn't connect to the cluster!\nrbd: listing images failed: (2) No such file or directory\n"),
      ENOTCONN);
}

}  // namespace
}  // namespace berth::storage::rbd
