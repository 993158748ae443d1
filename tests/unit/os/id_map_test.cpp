#include "os/id_map.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <type_traits>

namespace berth::os {
namespace {

static_assert(!std::is_convertible_v<HostUid, ContainerUid> && !std::is_convertible_v<HostUid, HostGid>);
static_assert(!std::is_convertible_v<int, HostUid>, "a bare number says nothing about its side");

UidMap typical() {
  UidMap map;
  EXPECT_TRUE(map.add({0, 100000, 1000}));
  EXPECT_TRUE(map.add({1000, 1000, 1}));
  EXPECT_TRUE(map.add({1001, 101001, 64535}));
  return map;
}

TEST(IdMap, TextIsWhatTheKernelTakes) { EXPECT_EQ(typical().text(), "0 100000 1000\n1000 1000 1\n1001 101001 64535\n"); }

TEST(IdMap, TranslatesBothWays) {
  const UidMap map = typical();
  EXPECT_EQ(map.host(ContainerUid{0}), HostUid{100000});
  EXPECT_EQ(map.host(ContainerUid{999}), HostUid{100999});
  EXPECT_EQ(map.host(ContainerUid{1000}), HostUid{1000});
  EXPECT_EQ(map.host(ContainerUid{65535}), HostUid{165535});
  EXPECT_EQ(map.host(ContainerUid{65536}), std::nullopt);
  EXPECT_EQ(map.inside(HostUid{100001}), ContainerUid{1});
  EXPECT_EQ(map.inside(HostUid{0}), std::nullopt);
}

TEST(IdMap, RefusesWhatTheKernelWouldRefuse) {
  UidMap map = typical();
  EXPECT_EQ(map.add({5, 5, 0}).error().line(), "id range \"5 5 0\" is empty");
  EXPECT_EQ(map.add({500, 7, 1}).error().line(), "id range \"500 7 1\" overlaps \"0 100000 1000\"");
  EXPECT_EQ(map.add({70000, 100500, 1}).error().line(), "id range \"70000 100500 1\" overlaps \"0 100000 1000\"");
  EXPECT_EQ(map.add({4294967295, 7, 1}).error().code(), ERANGE);
  EXPECT_EQ(map.add({70000, 4294967290, 10}).error().code(), ERANGE);
  EXPECT_EQ(map.ranges().size(), 3U);
}

TEST(IdMap, TakesNoMoreRangesThanTheKernel) {
  IdRanges ranges;
  for (std::uint32_t i = 0; i < 340; ++i) ASSERT_TRUE(ranges.add({i, i, 1}));
  EXPECT_EQ(ranges.add({340, 340, 1}).error().code(), E2BIG);
}

TEST(IdMap, ReadsTheKernelsOwnText) {
  const IdRanges ranges = parse_id_ranges("         0          0 4294967295\n").value();
  EXPECT_EQ(ranges.ranges(), (std::vector<IdRange>{{0, 0, 4294967295}}));
  EXPECT_TRUE(parse_id_ranges("").value().empty());
  EXPECT_EQ(parse_id_ranges("0 0 1\n1 1\n").error().line(), "id map, line 2: \"1 1\" is not three numbers");
  EXPECT_FALSE(parse_id_ranges("0 0 -1"));
  EXPECT_EQ(parse_id_ranges("0 0 9\n1 9 1").error().line(), "id map, line 2: id range \"1 9 1\" overlaps \"0 0 9\"");
}

}  // namespace
}  // namespace berth::os
