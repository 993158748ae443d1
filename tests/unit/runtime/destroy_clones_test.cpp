// What berth destroy --clones does where others were at work between its look and the clone's lock.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/strings.hpp"
#include "runtime/destroy.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

using ::testing::HasSubstr;

std::function<void()> meanwhile;  // what others do, once, before the clone's lock is taken

// Root has its locks elsewhere than in the test's directory.
long others_are_quicker(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_geteuid && ::geteuid() == 0) return 1000;
  if (number == SYS_fcntl && b == F_OFD_SETLKW && meanwhile &&
      sys::read_link(strings::cat("/proc/self/fd/", a)).value_or("").ends_with("c2"))
    std::exchange(meanwhile, nullptr)();
  return sys::raw::kernel(number, a, b, c, d, e, f);
}

class DestroyClonesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/berth-clones-test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern), nullptr);
    base_ = pattern;
    ::setenv("XDG_RUNTIME_DIR", (base_ + "/run").c_str(), 1);
    for (const char* directory : {"/run", "/c1", "/c1/rootfs", "/c2", "/c2/overlay", "/c2/overlay/delta"})
      ASSERT_TRUE(sys::make_directory(base_ + directory, 0700));
    write("/c1/config", "lxc.rootfs.path = dir:" + base_ + "/c1/rootfs\n");
    write("/c1/lxc_snapshots", base_ + "\nc2\n");
    write("/c2/config", strings::cat("lxc.rootfs.path = overlay:", base_, "/c1/rootfs:", base_, "/c2/overlay/delta\n"));
    write("/c2/lxc_rdepends", base_ + "\nc1\n");
    write("/c2/overlay/delta/file", "changed\n");
    meanwhile = nullptr;
    dispatch_.emplace(others_are_quicker);
  }
  void TearDown() override {
    dispatch_.reset();
    ::unsetenv("XDG_RUNTIME_DIR");
    EXPECT_TRUE(storage::remove_tree(base_));
  }

  void write(const std::string& path, const std::string& text) const { ASSERT_TRUE(sys::replace_file(base_ + path, text)); }
  [[nodiscard]] Status destroy_all() const { return destroy(TRY(Container::open("c1", base_)), {.clones = true}); }

  std::string base_;
  std::optional<sys::raw::ScopedDispatch> dispatch_;
};

TEST_F(DestroyClonesTest, WhatHasTheNameOfACloneMeanwhileStays) {
  meanwhile = [this] { ASSERT_TRUE(sys::unlink(base_ + "/c2/lxc_rdepends")); };
  const Status done = destroy_all();
  ASSERT_FALSE(done);
  EXPECT_FALSE(meanwhile);
  EXPECT_THAT(done.error().because(), HasSubstr("lxc_rdepends does not name"));
  EXPECT_TRUE(sys::exists(base_ + "/c2/overlay/delta/file"));
  EXPECT_TRUE(sys::exists(base_ + "/c1/rootfs"));
}

TEST_F(DestroyClonesTest, ACloneGoesWithItsSource) {
  const Status done = destroy_all();
  ASSERT_TRUE(done) << done.error().line();
  EXPECT_FALSE(sys::exists(base_ + "/c1"));
  EXPECT_FALSE(sys::exists(base_ + "/c2"));
}

}  // namespace
}  // namespace berth::runtime
