// What overlay adds to what every backing store promises: layers, whiteouts, and what it leaves of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <filesystem>
#include <fstream>

#include "lab.hpp"
#include "loop_fs.hpp"
#include "storage/backing_store.hpp"
#include "storage/overlay/layers.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;

std::string text_of(const Error& error) { return error.render("p", "s"); }
void put(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
std::string get(const std::string& path) { return sys::read_file(path).value_or("(absent)"); }

TEST(OverlayLayers, PathsAreTakenApartAndPutTogether) {
  const auto layers = overlay::parse_layers("/a:/b\\:c:/d\\\\e:/f\\g:/lxc/new/overlay/delta");
  ASSERT_TRUE(layers);
  EXPECT_THAT(layers->lowers, ElementsAre("/a", "/b:c", "/d\\e", "/f\\g"));
  EXPECT_EQ(layers->upper, "/lxc/new/overlay/delta");
  EXPECT_EQ(layers->work, "/lxc/new/overlay/work");
  EXPECT_EQ(layers->own_lower(), "");
  EXPECT_EQ(overlay::layers_path(layers->lowers, layers->upper), "/a:/b\\:c:/d\\\\e:/f\\\\g:/lxc/new/overlay/delta");
  EXPECT_EQ(overlay::parse_layers("/lxc/c/rootfs:/lxc/c/delta0")->work, "/lxc/c/olwork");
  EXPECT_EQ(overlay::parse_layers("/lxc/c/rootfs:/lxc/c/delta0")->own_lower(), "");
  EXPECT_EQ(overlay::parse_layers("/lxc/c/rootfs/:/lxc/c/overlay/delta")->own_lower(), "/lxc/c/rootfs");
  for (const auto* bad : {"", ":", "/a", "/a:", ":/a", "/a:b", "a:/b", "/a::/b", "/:/b"})
    EXPECT_FALSE(overlay::parse_layers(bad)) << bad;
}

TEST(OverlayLayers, ManyLowersAreOptionsOfTheirOwn) {
  overlay::Layers layers{.lowers = {}, .upper = "/u/delta", .work = "/u/work"};
  for (int i = 0; i < 10; ++i) layers.lowers.push_back("/" + std::string(40, static_cast<char>('a' + i)));
  const auto options = overlay::mount_options(layers, Access::kWrite);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->front().first, "lowerdir+");
  EXPECT_EQ(options->front().second, layers.lowers.front());
  layers.lowers.push_back("/" + std::string(300, 'x'));
  EXPECT_EQ(overlay::mount_options(layers, Access::kWrite).error().code(), ENAMETOOLONG);
}

class OverlayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto& row = *std::ranges::find(lab::labs(), "overlay", &lab::Row::name);
    if (const std::string reason = row.unusable(); !reason.empty()) GTEST_SKIP() << reason;
    base_ = lab::make_directory();
    fs::create_directories(source_directory() + "/etc");
    fs::create_directory(source_directory() + "/gone");
    put(source_directory() + "/etc/hostname", "one\n");
    put(source_directory() + "/etc/removed", "x");
    put(source_directory() + "/gone/old", "x");
    ::chmod(source_directory().c_str(), 0750);
  }
  void TearDown() override {
    if (base_.empty()) return;
    EXPECT_TRUE(remove_tree(base_));
  }
  static const BackingStore& store() { return **find_store("overlay"); }
  static const BackingStore& dir() { return **find_store("dir"); }
  [[nodiscard]] std::string container(const std::string& name) const {
    fs::create_directories(base_ + "/" + name);
    return base_ + "/" + name;
  }
  [[nodiscard]] std::string source_directory() const { return base_ + "/src/rootfs"; }
  std::string place(const std::string& name) { return store().place({container(name), name}, {}).value_or(""); }
  std::string snapshot(const BackingStore& from, const std::string& source, const std::string& name) {
    const auto path = store().snapshot_path(from, source, place(name));
    const auto made = store().snapshot(from, source, *path, {});
    EXPECT_TRUE(made) << text_of(made.error());
    return *path;
  }
  static View view(const std::string& path, Access access) {
    auto attachment = store().attach(path, access);
    EXPECT_TRUE(attachment) << text_of(attachment.error());
    auto opened = View::open(std::move(*attachment), access);
    EXPECT_TRUE(opened) << text_of(opened.error());
    return std::move(*opened);
  }
  // Changes that leave all kinds of marks in the upper layer.
  static void change(const std::string& path) {
    const View root = view(path, Access::kWrite);
    put(root.directory() + "/etc/hostname", "two\n");
    fs::remove(root.directory() + "/etc/removed");  // a whiteout
    fs::remove_all(root.directory() + "/gone");
    fs::create_directory(root.directory() + "/gone");  // opaque
    put(root.directory() + "/gone/new", "y");
  }
  static void expect_changed(const std::string& path) {
    const View root = view(path, Access::kRead);
    EXPECT_EQ(get(root.directory() + "/etc/hostname"), "two\n");
    EXPECT_FALSE(fs::exists(root.directory() + "/etc/removed"));
    EXPECT_FALSE(fs::exists(root.directory() + "/gone/old"));
    EXPECT_EQ(get(root.directory() + "/gone/new"), "y");
  }

  std::string base_;
  Progress nobody_;
};

TEST_F(OverlayTest, ASnapshotOfADirectoryIsWrittenAsLxcDoes) {
  const std::string path = snapshot(dir(), source_directory(), "c1");
  EXPECT_EQ(path, base_ + "/src/rootfs:" + base_ + "/c1/overlay/delta");
  EXPECT_TRUE(fs::is_directory(base_ + "/c1/overlay/work"));
  EXPECT_TRUE(*store().snapshot_needs_source(dir(), source_directory()));
  change(path);
  expect_changed(path);
  EXPECT_EQ(get(source_directory() + "/etc/hostname"), "one\n");
  EXPECT_TRUE(fs::exists(source_directory() + "/gone/old"));
  EXPECT_EQ(sys::stat(view(path, Access::kRead).directory())->st_mode & 07777, 0750U);
}

TEST_F(OverlayTest, ASnapshotOfASnapshotKeepsWhiteoutsAndOpaqueDirectories) {
  const std::string first = snapshot(dir(), source_directory(), "c1");
  change(first);
  const std::string second = snapshot(store(), first, "c2");
  EXPECT_EQ(second, base_ + "/src/rootfs:" + base_ + "/c2/overlay/delta");
  EXPECT_TRUE(*store().snapshot_needs_source(store(), first));
  expect_changed(second);
  struct ::stat whiteout{};
  ASSERT_EQ(::lstat((base_ + "/c2/overlay/delta/etc/removed").c_str(), &whiteout), 0);
  EXPECT_TRUE(S_ISCHR(whiteout.st_mode));
  EXPECT_EQ(whiteout.st_rdev, ::makedev(0, 0));
  ASSERT_TRUE(store().destroy(first));
  expect_changed(second);
  change(second);
}

TEST_F(OverlayTest, AFullCopyNeedsNobody) {
  const std::string first = snapshot(dir(), source_directory(), "c1");
  change(first);
  const std::string second = place("c2");
  const auto copied = store().copy(store(), first, second, {}, nobody_);
  ASSERT_TRUE(copied) << text_of(copied.error());
  ASSERT_TRUE(store().destroy(first));
  ASSERT_TRUE(remove_tree(base_ + "/src"));
  expect_changed(second);
  ASSERT_TRUE(dir().copy(store(), second, base_ + "/plain", {}, nobody_));
  EXPECT_FALSE(fs::exists(base_ + "/plain/etc/removed"));
}

TEST_F(OverlayTest, SeveralLowerLayersTheUppermostFirst) {
  fs::create_directories(base_ + "/top/etc");
  put(base_ + "/top/etc/hostname", "top\n");
  const std::string path = base_ + "/top:" + source_directory() + ":" + container("c1") + "/overlay/delta";
  ASSERT_TRUE(store().create(path, {}));
  {
    const View root = view(path, Access::kWrite);
    EXPECT_EQ(get(root.directory() + "/etc/hostname"), "top\n");
    EXPECT_EQ(get(root.directory() + "/etc/removed"), "x");
  }
  change(path);
  expect_changed(path);
  ASSERT_TRUE(store().destroy(path));
  EXPECT_TRUE(fs::exists(base_ + "/top/etc/hostname"));
  EXPECT_TRUE(fs::exists(source_directory() + "/etc/hostname"));
}

TEST_F(OverlayTest, DestroyTakesTheUpperLayerAlone) {
  const std::string path = snapshot(dir(), source_directory(), "c1");
  change(path);
  EXPECT_EQ(sys::stat(base_ + "/c1/overlay/work/work")->st_mode & 07777, 0U);
  const auto destroyed = store().destroy(path);
  ASSERT_TRUE(destroyed) << text_of(destroyed.error());
  EXPECT_FALSE(fs::exists(base_ + "/c1/overlay"));
  EXPECT_TRUE(fs::exists(source_directory() + "/etc/hostname"));
  EXPECT_TRUE(store().destroy(path));
}

TEST_F(OverlayTest, ANewRootsContentIsItsLowerLayer) {
  const std::string path = place("c1");
  ASSERT_TRUE(store().create(path, {}));
  put(view(path, Access::kWrite).directory() + "/init", "x");
  EXPECT_TRUE(fs::exists(base_ + "/c1/rootfs/init"));
  put(view(path, Access::kWrite).directory() + "/later", "x");
  EXPECT_FALSE(fs::exists(base_ + "/c1/rootfs/later"));
  EXPECT_TRUE(fs::exists(base_ + "/c1/overlay/delta/later"));
  ASSERT_TRUE(store().destroy(path));
  EXPECT_TRUE(fs::is_empty(base_ + "/c1"));
}

TEST_F(OverlayTest, WhatIsHalfMadeGoes) {
  fs::create_directories(base_ + "/c1/overlay/work/work");
  fs::create_directory(base_ + "/c1/rootfs");
  ASSERT_TRUE(store().destroy(place("c1")));
  EXPECT_TRUE(fs::is_empty(base_ + "/c1"));
  EXPECT_FALSE(store().destroy("/only"));
}

TEST_F(OverlayTest, NamesWithSpecialCharacters) {
  for (const std::string special : {"a:b", "a\\b", "a b", "a\\:b", "-a"}) {
    const std::string name = special;
    fs::create_directories(base_ + "/" + name);
    const std::string path = place(name);
    const auto made = store().create(path, {});
    ASSERT_TRUE(made) << text_of(made.error());
    put(view(path, Access::kWrite).directory() + "/first", "1");
    put(view(path, Access::kWrite).directory() + "/second", "2");
    EXPECT_TRUE(fs::exists(base_ + "/" + name + "/overlay/delta/second"));
    EXPECT_EQ(get(view(path, Access::kRead).directory() + "/first"), "1");
    ASSERT_TRUE(store().destroy(path));
    EXPECT_TRUE(fs::is_empty(base_ + "/" + name));
  }
}

TEST_F(OverlayTest, AMissingLowerLayerIsNamed) {
  const std::string path = snapshot(dir(), source_directory(), "c1");
  ASSERT_TRUE(remove_tree(source_directory()));
  const auto attached = store().attach(path, Access::kWrite);
  ASSERT_FALSE(attached);
  EXPECT_THAT(text_of(attached.error()), HasSubstr(source_directory()));
  EXPECT_TRUE(store().destroy(path));
}

TEST_F(OverlayTest, OnAnOverlayItIsRefusedBeforeAnythingIsMade) {
  const std::string path = snapshot(dir(), source_directory(), "c1");
  const View root = view(path, Access::kWrite);
  const auto refused = store().place({root.directory() + "/inner", "inner"}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), EOPNOTSUPP);
  EXPECT_THAT(text_of(refused.error()), HasSubstr("is on an overlay"));
  const std::string inner = source_directory() + ":" + root.directory() + "/overlay/delta";
  EXPECT_FALSE(store().create(inner, {}));
  EXPECT_FALSE(fs::exists(root.directory() + "/overlay"));
}

TEST_F(OverlayTest, WhereAnUpperLayerCanNotBeNothingIsLeft) {
  if (const std::string reason = lab::loop_unusable("mkfs.ext4"); !reason.empty()) GTEST_SKIP() << reason;
  // Without typed directory entries.
  auto files = lab::LoopFileSystem::make({"mkfs.ext4", "-q", "-O", "^filetype"}, 16 * kMiB);
  ASSERT_TRUE(files) << text_of(files.error());
  fs::create_directory((*files)->directory() + "/c1");
  const auto path = store().place({(*files)->directory() + "/c1", "c1"}, {});
  ASSERT_TRUE(path);
  const auto made = store().create(*path, {});
  ASSERT_FALSE(made);
  EXPECT_THAT(text_of(made.error()), HasSubstr("types of directory entries"));
  EXPECT_TRUE(fs::is_empty((*files)->directory() + "/c1"));
}

TEST_F(OverlayTest, AFullFileSystemIsNamedAndNothingIsLeft) {
  if (const std::string reason = lab::loop_unusable("mkfs.ext4"); !reason.empty()) GTEST_SKIP() << reason;
  auto files = lab::LoopFileSystem::make({"mkfs.ext4", "-q"}, 8 * kMiB);
  ASSERT_TRUE(files) << text_of(files.error());
  put(source_directory() + "/big", std::string(20 * kMiB, 'x'));
  fs::create_directory((*files)->directory() + "/c1");
  const auto path = store().place({(*files)->directory() + "/c1", "c1"}, {});
  const auto copied = store().copy(dir(), source_directory(), *path, {}, nobody_);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ENOSPC);
  EXPECT_THAT(text_of(copied.error()), HasSubstr("big"));
  EXPECT_TRUE(fs::is_empty((*files)->directory() + "/c1"));
  ASSERT_TRUE(lab::run("mount", {"-o", "remount,ro", (*files)->directory()}));
  const auto refused = store().create(*path, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), EROFS);
}

}  // namespace
}  // namespace berth::storage
