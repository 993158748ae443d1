#include "storage/tree/remove_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "../sys/faults.hpp"
#include "sys/features.hpp"
#include "tree_text.hpp"

namespace berth::storage {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

long without_ioctl(long number, long a, long b, long c, long d, long e, long f) {
  return number == SYS_ioctl ? -EPERM : sys::raw::kernel(number, a, b, c, d, e, f);
}

class RemoveTreeTest : public ::testing::Test {
 protected:
  RemoveTreeTest() { fs::create_directory(top_); }
  ~RemoveTreeTest() override { EXPECT_TRUE(remove_tree(base_.path())); }
  static void write(const std::string& path) { std::ofstream(path) << "x"; }
  void remove() {
    const auto outcome = remove_tree(top_);
    ASSERT_TRUE(outcome) << outcome.error().line();
    EXPECT_FALSE(fs::exists(fs::symlink_status(top_)));
  }
  bool lock(const std::string& name, unsigned flags) { return testing::set_flags(top_ + name, flags, flags); }

  testing::TemporaryDirectory base_;
  std::string top_ = base_ / "top";
};

TEST_F(RemoveTreeTest, WhatIsImmutableOrAppendOnlyGoesToo) {
  fs::create_directories(top_ + "/a/b");
  for (const char* name : {"/file", "/a/file", "/a/b/file", "/append"}) write(top_ + name);
  if (!lock("/file", FS_IMMUTABLE_FL)) GTEST_SKIP() << "no such flags here, or no right to them";
  for (const char* name : {"/a/b/file", "/a/b", "/a"}) ASSERT_TRUE(lock(name, FS_IMMUTABLE_FL));
  ASSERT_TRUE(lock("/append", FS_APPEND_FL));
  ASSERT_TRUE(lock("", FS_APPEND_FL | FS_IMMUTABLE_FL));
  remove();
}

TEST_F(RemoveTreeTest, AnotherNameOutsideKeepsItsFlag) {
  write(base_ / "outside");
  fs::create_hard_link(base_ / "outside", top_ + "/inside");
  if (!lock("/inside", FS_IMMUTABLE_FL)) GTEST_SKIP() << "no such flags here, or no right to them";
  remove();
  EXPECT_EQ(testing::flags_of(base_ / "outside"), static_cast<unsigned>(FS_IMMUTABLE_FL));
}

TEST_F(RemoveTreeTest, WithoutTheRightTheFlagIsToldWithTheWayOut) {
  fs::create_directory(top_ + "/sub");
  write(top_ + "/sub/file");
  if (!lock("/sub/file", FS_IMMUTABLE_FL)) GTEST_SKIP() << "no such flags here, or no right to them";
  const auto outcome = [&] {
    const sys::raw::ScopedDispatch scope(without_ioctl);
    return remove_tree(top_);
  }();
  ASSERT_FALSE(outcome);
  const std::string text = outcome.error().render("p", "s");
  EXPECT_THAT(text, HasSubstr(top_ + "/sub/file"));
  EXPECT_THAT(text, HasSubstr("immutable"));
  EXPECT_THAT(text, HasSubstr("chattr"));
}

TEST_F(RemoveTreeTest, DepthCostsNoDescriptors) {
  int at = ::open(top_.c_str(), O_DIRECTORY | O_RDONLY);
  for (int depth = 0; depth < 200; ++depth) {
    for (const char* name : {"a", "down", "z"}) ASSERT_EQ(::mkdirat(at, name, 0755), 0);
    const int next = ::openat(at, "down", O_DIRECTORY | O_RDONLY);
    ::close(at);
    at = next;
  }
  ::close(at);
  struct ::rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const struct ::rlimit few{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  remove();
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(RemoveTreeTest, WhatIsKeptStaysWithAllBelow) {
  fs::create_directories(top_ + "/kept/below/kept");
  fs::create_directories(top_ + "/other/kept");
  ASSERT_TRUE(remove_contents(top_, {"kept"}));
  EXPECT_TRUE(fs::exists(top_ + "/kept/below/kept"));
  EXPECT_FALSE(fs::exists(top_ + "/other"));
}

TEST_F(RemoveTreeTest, ByADescriptorToo) {
  write(top_ + "/file");
  const Fd fd = *sys::open(top_, O_RDONLY | O_DIRECTORY);
  const auto outcome = remove_contents(strings::cat("/proc/self/fd/", fd.get()), {});
  EXPECT_TRUE(outcome) << outcome.error().line();
  EXPECT_FALSE(fs::exists(top_ + "/file"));
}

TEST_F(RemoveTreeTest, FollowsNoLink) {
  fs::create_directory(base_ / "precious");
  write(base_ / "precious/file");
  fs::create_symlink(base_ / "precious", top_ + "/link");
  remove();
  EXPECT_FALSE(remove_contents(base_ / "precious/../precious/file", {}));
  EXPECT_TRUE(fs::exists(base_ / "precious/file"));
}

TEST_F(RemoveTreeTest, EntersNoMount) {
  fs::create_directories(top_ + "/a/mounted");
  if (::mount("none", (top_ + "/a/mounted").c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "may not mount";
  write(top_ + "/a/mounted/precious");
  for (const bool by_openat2 : {true, false}) {
    sys::ScopedFeature feature(sys::Feature::kOpenat2, by_openat2);
    const auto outcome = remove_tree(top_);
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().render("p", "s"), HasSubstr("umount '" + top_ + "/a/mounted'"));
    EXPECT_TRUE(fs::exists(top_ + "/a/mounted/precious"));
  }
  ASSERT_EQ(::umount((top_ + "/a/mounted").c_str()), 0);
}

// Every call fails once: an Error that names a file of the tree, or nothing is left; the same again ends the work.
TEST_F(RemoveTreeTest, EveryCallMayFail) {
  const std::size_t before = testing::open_descriptors();
  for (const int error : {EIO, ENOSPC, EINTR, ENOMEM}) {
    for (int nth = 1;; ++nth) {
      fs::create_directories(top_ + "/a/b");
      for (const char* name : {"/file", "/a/locked", "/a/b/file"}) write(top_ + name);
      fs::create_symlink("x", top_ + "/a/link");
      static_cast<void>(lock("/a/locked", FS_IMMUTABLE_FL));
      bool fired = false;
      {
        testing::ScopedFault fault(testing::ScopedFault::kAnyCall, nth, error);
        const auto outcome = remove_tree(top_);
        fired = testing::ScopedFault::fired();
        if (!outcome) {
          EXPECT_THAT(outcome.error().line(), HasSubstr(top_)) << nth;
        }
        EXPECT_TRUE(!outcome || !fs::exists(top_)) << nth;
      }
      ASSERT_EQ(testing::open_descriptors(), before) << nth;
      remove();
      fs::create_directory(top_);
      if (!fired) break;
    }
  }
}

}  // namespace
}  // namespace berth::storage
