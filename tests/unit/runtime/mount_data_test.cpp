#include "runtime/mount_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::runtime {
namespace {

using Option = std::pair<std::string, std::optional<std::string>>;
using testing::ElementsAre;

TEST(MountData, OptionsAreCutAtCommas) {
  const MountData data = parse_mount_data("size=64k,,mode=700,noswap,empty=");
  EXPECT_THAT(data.options,
              ElementsAre(Option("size", "64k"), Option("mode", "700"), Option("noswap", std::nullopt), Option("empty", "")));
  EXPECT_FALSE(data.map_owners);
}

TEST(MountData, AProtectedCommaBelongsToTheValue) {
  EXPECT_THAT(parse_mount_data("lowerdir=/a\\,b:/c,upperdir=/d").options,
              ElementsAre(Option("lowerdir", "/a\\,b:/c"), Option("upperdir", "/d")));
  EXPECT_THAT(parse_mount_data("a\\").options, ElementsAre(Option("a\\", std::nullopt)));
}

TEST(MountData, OwnWords) {
  const MountData data = parse_mount_data("idmap=container,ro");
  EXPECT_TRUE(data.map_owners);
  EXPECT_THAT(data.options, ElementsAre(Option("ro", std::nullopt)));
  EXPECT_THAT(parse_mount_data("idmap=other").options, ElementsAre(Option("idmap", "other")));
  EXPECT_TRUE(parse_mount_data("").options.empty());
}

}  // namespace
}  // namespace berth::runtime
