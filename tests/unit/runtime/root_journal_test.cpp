// What is written down before a root is made, and believed when it is removed.
#include "runtime/root_journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/create.hpp"
#include "storage/block/tool.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class RootJournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/berth-journal-test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern), nullptr);
    base_ = pattern;
    container_ = base_ + "/c1";
    root_ = container_ + "/rootfs";
    ASSERT_TRUE(sys::make_directory(container_, 0700));
  }
  void TearDown() override { EXPECT_TRUE(storage::remove_tree(base_)); }

  static const storage::BackingStore& store(std::string_view type) { return **storage::find_store(type); }
  [[nodiscard]] std::string journal() const { return container_ + "/" + kRootJournal; }
  void write(const std::string& name, const std::string& text) const { ASSERT_TRUE(sys::replace_file(base_ + "/" + name, text)); }
  // A root with a file, and the journal that names it.
  void make_recorded_root() {
    ASSERT_TRUE(record_root(container_, store("dir"), root_));
    ASSERT_TRUE(sys::make_directory(root_, 0755));
    write("c1/rootfs/file", "x");
  }
  void expect_refused() {
    const auto refused = destroy_recorded_roots(container_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), EPERM) << refused.error().line();
    EXPECT_TRUE(sys::exists(root_ + "/file"));
  }

  std::string base_, container_, root_;
};

TEST_F(RootJournalTest, WhatWasMadeIsRemovedAndForgotten) {
  make_recorded_root();
  EXPECT_TRUE(destroy_recorded_roots(container_));
  EXPECT_FALSE(sys::exists(root_));
  EXPECT_FALSE(sys::exists(journal()));
}

TEST_F(RootJournalTest, AnythingThatIsThereIsNeitherRecordedNorRemoved) {
  ASSERT_TRUE(sys::symlink("/nowhere", container_ + "/link"));
  write("c1/file", "x");
  ASSERT_TRUE(sys::make_directory(container_ + "/directory", 0755));
  for (const char* type : {"dir", "btrfs", "overlay", "loop", "nbd"})
    for (const char* name : {"/link", "/file", "/directory"}) {
      const std::string path = (std::string_view(type) == "overlay" ? base_ + ":" : "") + container_ + name;
      const auto refused = record_root(container_, store(type), path);
      ASSERT_FALSE(refused) << type << name;
      EXPECT_EQ(refused.error().code(), EEXIST) << type << name << ": " << refused.error().line();
      EXPECT_FALSE(sys::exists(journal()));
      EXPECT_TRUE(destroy_recorded_roots(container_));
      EXPECT_TRUE(sys::stat_link(container_ + name));
    }
}

TEST_F(RootJournalTest, WhatCouldNotBeTakenBackIsToldAndStays) {
  make_recorded_root();
  const auto told = forget_undone_roots(container_);
  ASSERT_FALSE(told);
  EXPECT_THAT(told.error().line(), HasSubstr("dir:" + root_));
  EXPECT_TRUE(sys::exists(root_ + "/file"));
  // Remembered, so that it can be ended.
  EXPECT_EQ(recorded_roots(container_).value_or(std::vector<RecordedRoot>{}).size(), 1U);
  EXPECT_TRUE(destroy_recorded_roots(container_));
  EXPECT_FALSE(sys::exists(root_));
  EXPECT_TRUE(forget_undone_roots(container_));
}

TEST_F(RootJournalTest, APlaceThatSomebodyElseTookIsNotRemembered) {
  ASSERT_TRUE(record_root(container_, store("dir"), container_ + "/other"));
  make_recorded_root();
  EXPECT_FALSE(forget_if_taken(container_, store("dir"), root_, fail(Error::message("no room", ENOSPC))));
  EXPECT_EQ(recorded_roots(container_).value_or(std::vector<RecordedRoot>{}).size(), 2U);
  EXPECT_FALSE(forget_if_taken(container_, store("dir"), root_, fail(Error::message("taken", EEXIST))));
  const auto left = recorded_roots(container_);
  ASSERT_TRUE(left);
  EXPECT_EQ(*left, (std::vector<RecordedRoot>{{"dir", container_ + "/other"}}));
  EXPECT_TRUE(destroy_recorded_roots(container_));
  EXPECT_TRUE(sys::exists(root_ + "/file"));
}

// No claims: those of root would lie outside of the test's directory.
long as_user(long number, long a, long b, long c, long d, long e, long f) {
  return number == SYS_geteuid ? 1000 : sys::raw::kernel(number, a, b, c, d, e, f);
}

TEST_F(RootJournalTest, AToolThatFailsIsNoFreePlace) {
  const sys::raw::ScopedDispatch user(as_user);
  const storage::block::ScopedToolPath path(base_);
  write("lvs", "#!/bin/sh\necho 'open failed: Interrupted system call' >&2\nexit 5\n");
  write("vgs", "#!/bin/sh\necho '  1073741824|4194304'\n");
  for (const char* program : {"/lvs", "/vgs"}) ASSERT_TRUE(sys::chmod(base_ + program, 0755));
  const auto refused = record_root(container_, store("lvm"), "/dev/vg0/c1");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().render("p", "s"), HasSubstr("Interrupted"));
  EXPECT_FALSE(sys::exists(journal()));
  write("lvs", "#!/bin/sh\necho 'Failed to find logical volume' >&2\nexit 5\n");
  ASSERT_TRUE(sys::chmod(base_ + "/lvs", 0755));
  EXPECT_TRUE(record_root(container_, store("lvm"), "/dev/vg0/c1"));
}

// Absent, then unknown, then there: it may be what the creation has made. Removing it is for who reads the message.
TEST_F(RootJournalTest, AVolumeThatCanNotBeTakenBackKeepsWhatLeadsToIt) {
  const sys::raw::ScopedDispatch user(as_user);
  const storage::block::ScopedToolPath path(base_);
  write("lvs",
        "#!/bin/sh\necho lvs >>" + base_ + "/log\ncase $(grep -c lvs " + base_ +
            "/log) in 1) echo 'Failed to find logical volume' >&2; exit 5;; "
            "2) echo 'open failed: Interrupted system call' >&2; exit 5;; *) echo '  vg0|web1|-wi-a-----|4194304|||||';; esac\n");
  write("vgs", "#!/bin/sh\necho '  1073741824|4194304'\n");
  for (const char* program : {"lvremove", "lvcreate"}) write(program, "#!/bin/sh\necho CHANGED >>" + base_ + "/log\n");
  for (const char* program : {"mkfs.ext4", "template"}) write(program, "#!/bin/sh\nexit 0\n");
  write("config", "lxc.net.0.type = empty\n");
  for (const char* program : {"/lvs", "/vgs", "/lvremove", "/lvcreate", "/mkfs.ext4", "/template"})
    ASSERT_TRUE(sys::chmod(base_ + program, 0755));
  CreateRequest request;
  request.name = "web1";
  request.lxcpath = base_;
  request.template_name = base_ + "/template";
  request.config_file = base_ + "/config";
  request.bdev = "lvm";
  request.specs.volume_group = "vg0";
  const auto refused = create(request);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().render("p", "s"),
              AllOf(HasSubstr("Interrupted"), HasSubstr("at lvm:/dev/vg0/web1"), HasSubstr("lxc-destroy -P ")));
  EXPECT_EQ(sys::read_file(base_ + "/log").value_or(""), "lvs\nlvs\nlvs\n");
  EXPECT_TRUE(sys::exists(base_ + "/web1/partial"));
  const auto left = recorded_roots(base_ + "/web1");
  ASSERT_TRUE(left);
  EXPECT_EQ(*left, (std::vector<RecordedRoot>{{"lvm", "/dev/vg0/web1"}}));
}

TEST_F(RootJournalTest, AListThatOthersCanWriteIsNotBelieved) {
  make_recorded_root();
  for (const mode_t mode : {0622U, 0660U}) {
    ASSERT_TRUE(sys::chmod(journal(), mode));
    expect_refused();
  }
  ASSERT_TRUE(sys::chmod(journal(), 0600));
  ASSERT_TRUE(sys::rename(journal(), base_ + "/list"));
  ASSERT_TRUE(sys::symlink(base_ + "/list", journal()));
  EXPECT_FALSE(destroy_recorded_roots(container_));
  EXPECT_TRUE(sys::exists(root_ + "/file"));
}

TEST_F(RootJournalTest, AnotherUsersListIsNotBelieved) {
  if (::geteuid() != 0) GTEST_SKIP() << "root only: it gives a file away";
  make_recorded_root();
  ASSERT_EQ(::chown(journal().c_str(), 65534, 65534), 0);
  expect_refused();
  ASSERT_EQ(::chown(journal().c_str(), 0, 0), 0);
  EXPECT_TRUE(destroy_recorded_roots(container_));
}

// Written by somebody who may not claim.
TEST_F(RootJournalTest, APlaceElsewhereIsNotRemovedWithoutItsClaim) {
  if (::geteuid() != 0) GTEST_SKIP() << "root only: users claim nothing";
  root_ = base_ + "/elsewhere";
  {
    const sys::raw::ScopedDispatch user(as_user);
    ASSERT_TRUE(record_root(container_, store("dir"), root_));
  }
  ASSERT_TRUE(sys::make_directory(root_, 0755));
  write("elsewhere/file", "x");
  expect_refused();
}

}  // namespace
}  // namespace berth::runtime
