// What zfs adds to what every backing store promises: who depends on whom, mounts that others use too, streams.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "lab.hpp"
#include "storage/backing_store.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::string text_of(const Error& error) { return error.render("p", "s"); }

class ZfsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const lab::Row row = lab::zfs_row();
    if (const std::string reason = row.unusable(); !reason.empty()) GTEST_SKIP() << reason;
    auto made = row.make();
    ASSERT_TRUE(made) << text_of(made.error());
    lab_ = std::move(*made);
    create("c1");
    write("c1", "one");
  }
  static const BackingStore& store() { return **find_store("zfs"); }
  static std::string root(const std::string& name) { return "tank/lxc/" + name; }
  static void good(const Status& status) { ASSERT_TRUE(status) << text_of(status.error()); }

  static std::string zfs(const std::vector<std::string>& arguments) {
    const auto output = lab::run("zfs", arguments);
    EXPECT_TRUE(output) << text_of(output.error());
    return output.value_or("");
  }
  // Names of all datasets and snapshots below the root of the store.
  static std::string all() { return zfs({"list", "-H", "-r", "-t", "all", "-o", "name", "tank/lxc"}); }

  void create(const std::string& name) { good(store().create(root(name), lab_->specs())); }
  void snapshot(const std::string& from, const std::string& to) {
    good(store().snapshot(store(), root(from), root(to), lab_->specs()));
  }
  static void destroy(const std::string& name) { good(store().destroy(root(name))); }
  static View view(const std::string& name, Access access) {
    auto attachment = store().attach(root(name), access);
    EXPECT_TRUE(attachment) << text_of(attachment.error());
    auto opened = View::open(std::move(*attachment), access);
    EXPECT_TRUE(opened) << text_of(opened.error());
    return std::move(*opened);
  }
  static void write(const std::string& name, std::string_view text) {
    View files = view(name, Access::kWrite);
    std::ofstream(files.directory() + "/file") << text;
    good(files.close());
  }
  static std::string read(const std::string& name) {
    const View files = view(name, Access::kRead);
    return sys::read_file(files.directory() + "/file").value_or("(absent)");
  }
  static bool is_mounted(const std::string& name) { return zfs({"get", "-H", "-o", "value", "mounted", root(name)}) == "yes\n"; }

  std::unique_ptr<lab::Lab> lab_;
  Progress nobody_;
};

TEST_F(ZfsTest, ASourceMayGoBeforeItsClones) {
  snapshot("c1", "c2");
  snapshot("c1", "c3");
  snapshot("c2", "c4");
  write("c1", "later");
  destroy("c1");
  for (const char* name : {"c2", "c3", "c4"}) EXPECT_EQ(read(name), "one") << name;
  destroy("c3");
  destroy("c2");
  EXPECT_EQ(read("c4"), "one");
  destroy("c4");
  EXPECT_EQ(all(), "tank/lxc\n");
}

TEST_F(ZfsTest, SnapshotsOfOneNameAreInNobodysWay) {
  zfs({"snapshot", "tank/lxc/c1@daily"});
  zfs({"snapshot", "tank/lxc/c1@c2"});  // a name that the clone's snapshot would have
  snapshot("c1", "c2");
  zfs({"snapshot", "tank/lxc/c2@daily"});
  destroy("c1");
  EXPECT_EQ(read("c2"), "one");
  destroy("c2");
  EXPECT_EQ(all(), "tank/lxc\n");
}

TEST_F(ZfsTest, WhatAKilledSnapshotLeftGoesAndNothingElse) {
  zfs({"snapshot", "-o", "berth:clone=tank/lxc/c2", "tank/lxc/c1@c2"});
  zfs({"snapshot", "tank/lxc/c1@mine"});
  destroy("c2");
  EXPECT_EQ(all(), "tank/lxc\ntank/lxc/c1\ntank/lxc/c1@mine\n");
}

TEST_F(ZfsTest, TheOriginOfACloneThatSomebodyElseMadeStays) {
  zfs({"snapshot", "tank/lxc/c1@golden"});
  zfs({"clone", "tank/lxc/c1@golden", "tank/lxc/c2"});
  destroy("c2");
  EXPECT_EQ(all(), "tank/lxc\ntank/lxc/c1\ntank/lxc/c1@golden\n");
}

TEST_F(ZfsTest, DatasetsBelowARootAreInTheWay) {
  zfs({"create", "-o", "canmount=noauto", "tank/lxc/c1/data"});
  const auto refused = store().destroy(root("c1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), EBUSY);
  EXPECT_THAT(text_of(refused.error()), HasSubstr("tank/lxc/c1/data"));
  EXPECT_EQ(read("c1"), "one");
}

TEST_F(ZfsTest, AMountThatSomebodyUsesStays) {
  View first = view("c1", Access::kWrite);
  const View second = view("c1", Access::kRead);
  EXPECT_FALSE(first.close());  // it made the mount, and can't take it away
  EXPECT_EQ(sys::read_file(second.directory() + "/file").value_or(""), "one");
  EXPECT_FALSE(store().destroy(root("c1")));
}

TEST_F(ZfsTest, NothingStaysMounted) {
  EXPECT_EQ(read("c1"), "one");
  EXPECT_FALSE(is_mounted("c1"));
  snapshot("c1", "c2");
  EXPECT_FALSE(is_mounted("c2"));
  for (int again = 0; again < 100 && !lab::run("zfs", {"mount", "tank/lxc/c1"}); ++again)  // by the administrator
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(read("c1"), "one");
  EXPECT_TRUE(is_mounted("c1"));
}

TEST_F(ZfsTest, OldSpellingsOfAPath) {
  good(store().moved(root("c1"), {lab_->directory() + "/c1", "c1"}));
  for (const std::string& path : {lab_->directory() + "/c1/rootfs", std::string("/tank/lxc/c1")}) {
    auto attachment = store().attach(path, Access::kRead);
    ASSERT_TRUE(attachment) << text_of(attachment.error());
    EXPECT_EQ(attachment->mount.directory, lab_->directory() + "/c1/rootfs");
  }
  EXPECT_FALSE(store().attach("/tank/lxc/c7", Access::kRead));
  EXPECT_FALSE(store().owns("/tank/lxc/c1"));
}

TEST_F(ZfsTest, ARenamedRootKeepsItsFilesAndTakesNobodysName) {
  create("c2");
  const auto refused = store().rename(root("c1"), root("c2"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), EEXIST);
  good(store().rename(root("c1"), root("c3")));
  good(store().moved(root("c3"), {lab_->directory() + "/c3", "c3"}));
  good(store().moved(root("c3"), {lab_->directory() + "/c3", "c3"}));
  EXPECT_EQ(read("c3"), "one");
  EXPECT_FALSE(store().owns(root("c1")));
}

TEST_F(ZfsTest, AnotherPoolIsToldWithAWayOut) {
  const auto place = store().place({"/tmp/c1", "c1"}, {.zfs_root = "nopool/lxc"});
  ASSERT_FALSE(place);
  EXPECT_THAT(text_of(place.error()), HasSubstr("zpool create nopool"));
  EXPECT_FALSE(store().place({"/tmp/c1", "c%1"}, lab_->specs()));
  EXPECT_FALSE(store().create("-r", lab_->specs()));
}

TEST_F(ZfsTest, ASnapshotThatCannotHaveItsSizeLeavesNothing) {
  write("c1", std::string(4 << 20, 'x'));
  Specs small = lab_->specs();
  small.size = 1 << 20;
  EXPECT_FALSE(store().snapshot(store(), root("c1"), root("c2"), small));
  EXPECT_EQ(all(), "tank/lxc\ntank/lxc/c1\n");
}

TEST_F(ZfsTest, AFullRootIsAnErrorOfTheCopyAndLeavesNothing) {
  write("c1", std::string(4 << 20, 'x'));
  Specs small = lab_->specs();
  small.size = 1 << 20;
  const auto copied = store().copy(store(), root("c1"), root("c2"), small, nobody_);
  ASSERT_FALSE(copied);
  EXPECT_FALSE(store().owns(root("c2")));
}

// --- streams ----------------------------------------------------------------------------------------------------------------
class ZfsStreamTest : public ZfsTest {
 protected:
  [[nodiscard]] std::string file(const std::string& name) const { return lab_->directory() + "/" + name; }
  Status send(const std::string& name, const std::string& base, const std::string& to) {
    const auto output = sys::open(file(to), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    TRY(store().begin_send(root(name)));
    Status sent = store().send(root(name), base.empty() ? "" : root(base), output->get(), nobody_);
    TRY(store().end_send(root(name), sent.has_value()));
    return sent;
  }
  Status receive(const std::string& name, const std::string& base, const std::string& from) {
    const auto input = sys::open(file(from), O_RDONLY | O_CLOEXEC);
    return store().receive(root(name), base.empty() ? "" : root(base), input->get(), nobody_);
  }
};

TEST_F(ZfsStreamTest, WholeAndThenWhatHasChanged) {
  write("c1", std::string(8 << 20, 'x'));
  good(send("c1", "", "whole"));
  write("c1", "two");
  good(send("c1", "c1", "second"));
  write("c1", "three");
  good(send("c1", "c1", "third"));
  EXPECT_GT(fs::file_size(file("whole")), 8U << 20);
  EXPECT_LT(fs::file_size(file("second")), 1U << 20);

  good(receive("r1", "", "whole"));
  good(receive("r2", "r1", "second"));
  good(receive("r3", "r2", "third"));
  EXPECT_EQ(read("r1").size(), 8U << 20);
  EXPECT_EQ(read("r2"), "two");
  EXPECT_EQ(read("r3"), "three");
  destroy("r2");
  EXPECT_EQ(read("r1").size(), 8U << 20);
  EXPECT_EQ(read("r3"), "three");
  destroy("r3");
  destroy("r1");
}

TEST_F(ZfsStreamTest, OnlyWhatWasEndedIsShared) {
  EXPECT_EQ(store().shared_state(root("c1")).value_or("?"), "");
  const auto begun = store().begin_send(root("c1"));
  ASSERT_TRUE(begun) << text_of(begun.error());
  EXPECT_EQ(store().shared_state(root("c1")).value_or("?"), "");
  good(store().end_send(root("c1"), false));
  EXPECT_FALSE(store().send(root("c1"), "", 1, nobody_));
  good(send("c1", "", "whole"));
  const std::string first = store().shared_state(root("c1")).value_or("?");
  EXPECT_NE(first, "");
  good(receive("r1", "", "whole"));
  EXPECT_EQ(store().shared_state(root("r1")).value_or("?"), first);
  ASSERT_TRUE(store().begin_send(root("c1")));  // as one that was killed
  good(send("c1", "c1", "second"));
  EXPECT_NE(store().shared_state(root("c1")).value_or("?"), first);
  const std::string names = all();
  EXPECT_EQ(std::ranges::count(names, '@'), 2) << names;  // one on each side
  good(store().forget_shared_state(root("c1")));
  EXPECT_EQ(store().shared_state(root("c1")).value_or("?"), "");
  destroy("r1");
}

TEST_F(ZfsStreamTest, AStreamThatDoesNotFitLeavesTheBase) {
  good(send("c1", "", "whole"));
  write("c1", "two");
  good(send("c1", "c1", "second"));
  good(receive("r1", "", "whole"));
  fs::resize_file(file("second"), fs::file_size(file("second")) / 2);
  EXPECT_FALSE(receive("r2", "r1", "second"));
  EXPECT_FALSE(store().owns(root("r2")));
  EXPECT_EQ(read("r1"), "one");
  const auto again = receive("r1", "", "whole");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), EEXIST);
}

TEST_F(ZfsStreamTest, WithoutACommonStateItIsRefused) {
  create("c2");
  for (const char* base : {"c1", "c2"}) {
    const auto refused = send("c1", base, "nothing");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ENOENT);
    EXPECT_THAT(text_of(refused.error()), HasSubstr("whole"));
  }
}

}  // namespace
}  // namespace berth::storage
