#include "sys/features.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <set>

#include "faults.hpp"
#include "sys/process.hpp"

namespace berth::sys {
namespace {

long nothing_implemented(long number, long a, long b, long c, long d, long e, long f) {
  switch (number) {
    case SYS_open_tree:
    case SYS_fsopen:
    case SYS_mount_setattr:
    case SYS_openat2:
    case SYS_clone3:
    case SYS_pidfd_open:
    case SYS_close_range:
    case SYS_seccomp:
    case SYS_bpf:
      return -ENOSYS;
    default:
      return raw::kernel(number, a, b, c, d, e, f);
  }
}

// Answers are remembered for a process, so each question is asked in a process of its own.
void expect_answer(Feature feature, bool answer, raw::Dispatch dispatch, const char* off) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a program started anew remembers nothing
  EXPECT_EXIT(
      {
        if (off != nullptr)
          ::setenv("BERTH_FEATURES_OFF", off, 1);
        else
          ::unsetenv("BERTH_FEATURES_OFF");
        const raw::ScopedDispatch scope(dispatch);
        ::_exit(has(feature) ? 10 : 11);
      },
      ::testing::ExitedWithCode(answer ? 10 : 11), "");
}

TEST(FeaturesDeathTest, AKernelWithoutTheCallsSaysNo) {
  for (const Feature feature : {Feature::kNewMountApi, Feature::kMountSetattr, Feature::kIdmappedMounts, Feature::kOpenat2,
                                Feature::kClone3, Feature::kCloneIntoCgroup, Feature::kPidfd, Feature::kPidfdSetns,
                                Feature::kCloseRange, Feature::kSeccompNotify, Feature::kDeviceProgram}) {
    expect_answer(feature, false, nothing_implemented, nullptr);
  }
}

long all_implemented(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_openat2) return raw::kernel(SYS_openat, AT_FDCWD, b, O_PATH | O_CLOEXEC, 0, 0, 0);
  if (number == SYS_close_range) return 0;
  return raw::kernel(number, a, b, c, d, e, f);
}

TEST(FeaturesDeathTest, TheVariableSwitchesNamedRowsOffOnly) {
  expect_answer(Feature::kOpenat2, true, all_implemented, nullptr);
  expect_answer(Feature::kOpenat2, false, all_implemented, "clone3,openat2");
  expect_answer(Feature::kCloseRange, true, all_implemented, "clone3,openat2");
  expect_answer(Feature::kCloneIntoCgroup, false, all_implemented, "clone3");  // it is a flag of the other
  expect_answer(Feature::kOpenat2, true, all_implemented, "openat");
}

long e2big_for_long_clone(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_clone3) return b > 80 ? -E2BIG : -EINVAL;  // a kernel of 5.5
  return raw::kernel(number, a, b, c, d, e, f);
}

TEST(FeaturesDeathTest, CloneIntoCgroupIsToldFromClone3) {
  expect_answer(Feature::kClone3, true, e2big_for_long_clone, nullptr);
  expect_answer(Feature::kCloneIntoCgroup, false, e2big_for_long_clone, nullptr);
}

TEST(Features, RowsHaveUniqueNamesAndVersions) {
  std::set<std::string_view> names;
  for (const FeatureRow& row : feature_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_NE(row.since.find('.'), std::string_view::npos) << row.name;
  }
}

TEST(Features, AnswersAreRemembered) {
  const bool answer = has(Feature::kPidfd);
  const berth::testing::ScopedFault fault(SYS_pidfd_open, 1, ENOSYS);
  EXPECT_EQ(has(Feature::kPidfd), answer);
  EXPECT_FALSE(berth::testing::ScopedFault::fired());
}

TEST(Features, ProbesLeakNoDescriptors) {
  const std::size_t before = berth::testing::open_descriptors();
  for (const FeatureRow& row : feature_rows()) (void)has(row.feature);
  EXPECT_EQ(berth::testing::open_descriptors(), before);
}

TEST(Features, ScopedAnswersEndWithTheirScope) {
  const bool before = has(Feature::kOpenat2);
  {
    const ScopedFeature off(Feature::kOpenat2, !before);
    EXPECT_EQ(has(Feature::kOpenat2), !before);
  }
  EXPECT_EQ(has(Feature::kOpenat2), before);
}

}  // namespace
}  // namespace berth::sys
