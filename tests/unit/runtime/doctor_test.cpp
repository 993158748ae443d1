// What berth doctor does where others were at work between its look and its lock.
#include "runtime/doctor.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <utility>

#include "runtime/destroy_mark.hpp"
#include "runtime/rename.hpp"
#include "runtime/root_journal.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

using ::testing::HasSubstr;

std::function<void()> meanwhile;  // what others do, once

// Root has its locks elsewhere than in the test's directory. A lock that is waited for is the repair's.
long others_are_quicker(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_geteuid && ::geteuid() == 0) return 1000;
  if (number == SYS_fcntl && b == F_OFD_SETLKW && meanwhile) std::exchange(meanwhile, nullptr)();
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
    meanwhile = nullptr;
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

  // Others are quicker, and end what was found.
  void expect_nothing_to_do() const {
    const auto findings = examine(*container_, true);
    ASSERT_TRUE(findings) << findings.error().line();
    ASSERT_EQ(findings->size(), 1U);
    EXPECT_TRUE(findings->front().repaired) << findings->front().failure;
    EXPECT_THAT(findings->front().remedy, HasSubstr("nothing to do any more"));
    EXPECT_FALSE(meanwhile);
  }
  void make_container(const std::string& name, const std::string& config) const {
    ASSERT_TRUE(sys::ensure_directory(base_ + "/" + name, 0700));
    ASSERT_TRUE(sys::ensure_directory(base_ + "/" + name + "/rootfs", 0700));
    leave(base_ + "/" + name + "/rootfs/file");
    ASSERT_TRUE(sys::replace_file(base_ + "/" + name + "/config", config + "lxc.net.0.type = empty\n"));
  }
  [[nodiscard]] std::string own_root() const { return "lxc.rootfs.path = dir:" + base_ + "/c1/rootfs\n"; }

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
    meanwhile = [this] { EXPECT_EQ(::symlink("c1", rename_mark_of(*container_).c_str()), 0); };
    expect_repair(false, path);
    ASSERT_TRUE(sys::unlink(rename_mark_of(*container_))) << path;
    expect_repair(true, path);
  }
}

TEST_F(DoctorTest, ANewContainerOfTheNameOfADestroyedOneStays) {
  make_container("c1", own_root());
  ASSERT_TRUE(mark_destroyed(*container_));
  meanwhile = [this] { ASSERT_TRUE(unmark_destroyed(*container_)); };
  expect_nothing_to_do();
  EXPECT_TRUE(sys::exists(base_ + "/c1/config"));
  EXPECT_TRUE(sys::exists(base_ + "/c1/rootfs/file"));
  ASSERT_TRUE(mark_destroyed(*container_));
  const auto findings = examine(*container_, true);
  ASSERT_TRUE(findings && findings->size() == 1);
  EXPECT_TRUE(findings->front().repaired) << findings->front().failure;
  EXPECT_FALSE(sys::exists(base_ + "/c1"));
}

TEST_F(DoctorTest, ANewContainerInWhatADestroyHasLeftStays) {
  ASSERT_TRUE(sys::unlink(base_ + "/c1/config"));
  ASSERT_TRUE(mark_destroyed(*container_));
  meanwhile = [this] {
    ASSERT_TRUE(unmark_destroyed(*container_));
    make_container("c1", own_root());
  };
  expect_nothing_to_do();
  EXPECT_TRUE(sys::exists(base_ + "/c1/rootfs/file"));
  EXPECT_TRUE(sys::exists(base_ + "/c1/config"));
}

TEST_F(DoctorTest, ACloneThatIsMadeMeanwhileIsNotForgotten) {
  const std::string list = base_ + "/c1/lxc_snapshots";
  ASSERT_TRUE(sys::replace_file(list, base_ + "\nc2\n"));
  meanwhile = [this] { make_container("c2", ""); };
  expect_nothing_to_do();
  EXPECT_TRUE(sys::exists(list));
  ASSERT_TRUE(storage::remove_tree(base_ + "/c2"));
  const auto findings = examine(*container_, true);
  ASSERT_TRUE(findings && findings->size() == 1);
  EXPECT_TRUE(findings->front().repaired) << findings->front().failure;
  EXPECT_FALSE(sys::exists(list));
}

TEST_F(DoctorTest, WhatNeedsNobodyAnyMoreIsToldToNobody) {
  make_container("c2", "");
  const std::string needs = base_ + "/c1/lxc_rdepends", list = base_ + "/c2/lxc_snapshots";
  ASSERT_TRUE(sys::replace_file(needs, base_ + "\nc2\n"));
  meanwhile = [&] { ASSERT_TRUE(sys::unlink(needs)); };
  expect_nothing_to_do();
  EXPECT_FALSE(sys::exists(needs));
  EXPECT_FALSE(sys::exists(list));
  ASSERT_TRUE(sys::replace_file(needs, base_ + "\nc2\n"));
  const auto findings = examine(*container_, true);
  ASSERT_TRUE(findings && findings->size() == 1);
  EXPECT_TRUE(findings->front().repaired) << findings->front().failure;
  EXPECT_TRUE(sys::exists(list));
}

}  // namespace
}  // namespace berth::runtime
