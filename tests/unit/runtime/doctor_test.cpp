// What berth doctor does where others were at work between its look and its lock.
#include "runtime/doctor.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "runtime/rename.hpp"
#include "runtime/root_journal.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

using ::testing::HasSubstr;

std::string half_done;  // the link that says so; empty: nobody makes it

// Root has its locks elsewhere than in the test's directory. A lock that is waited for is the repair's.
long others_are_quicker(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_geteuid && ::geteuid() == 0) return 1000;
  if (number == SYS_fcntl && b == F_OFD_SETLKW && !half_done.empty()) {
    EXPECT_EQ(::symlink("c1", std::exchange(half_done, {}).c_str()), 0);
  }
  return sys::raw::kernel(number, a, b, c, d, e, f);
}

class DoctorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/berth-doctor-test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern), nullptr);
    base_ = pattern;
    ::setenv("XDG_RUNTIME_DIR", (base_ + "/run").c_str(), 1);
    ASSERT_TRUE(sys::make_directory(base_ + "/run", 0700));
    ASSERT_TRUE(sys::make_directory(base_ + "/c1", 0700));
    ASSERT_TRUE(sys::replace_file(base_ + "/c1/config", "lxc.net.0.type = empty\n"));
    container_.emplace(std::move(*Container::open("c1", base_)));
    half_done.clear();
    dispatch_.emplace(others_are_quicker);
  }
  void TearDown() override {
    dispatch_.reset();
    ::unsetenv("XDG_RUNTIME_DIR");
    EXPECT_TRUE(storage::remove_tree(base_));
  }

  void leave(const std::string& path) const { ASSERT_TRUE(sys::replace_file(path, "other\n")); }
  void expect_repair(bool repaired, const std::string& path) {
    const auto findings = examine(*container_, true);
    ASSERT_TRUE(findings) << findings.error().line();
    ASSERT_EQ(findings->size(), 1U);
    EXPECT_EQ(findings->front().repaired, repaired) << findings->front().failure;
    EXPECT_EQ(sys::exists(path), !repaired);
    if (!repaired) {
      EXPECT_THAT(findings->front().failure, HasSubstr("half done"));
    }
  }

  std::string base_;
  std::optional<Container> container_;
  std::optional<sys::raw::ScopedDispatch> dispatch_;
};

TEST_F(DoctorTest, WhatARestoreHasBegunMeanwhileKeepsItsFiles) {
  for (const std::string& path :
       {base_ + "/c1/" + kRootJournal, base_ + "/c1/config.before-create", renamed_config_of(*container_)}) {
    if (path.ends_with(kRootJournal))
      ASSERT_TRUE(sys::replace_file(path, "dir:" + base_ + "/c1/rootfs\n"));
    else
      leave(path);
    half_done = rename_mark_of(*container_);
    expect_repair(false, path);
    ASSERT_TRUE(sys::unlink(rename_mark_of(*container_))) << path;
    expect_repair(true, path);
  }
}

}  // namespace
}  // namespace berth::runtime
