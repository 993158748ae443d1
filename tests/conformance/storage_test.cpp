// What every backing store promises (storage/backing_store.hpp). A new one joins by a row in stores() and a way to get a place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "storage/backing_store.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class BackingStoreTest : public ::testing::TestWithParam<const BackingStore*> {
 protected:
  void SetUp() override {
    char name[] = "/tmp/berth-store-XXXXXX";
    base_ = ::mkdtemp(name);
    fs::create_directory(base_ + "/c1");
    fs::create_directory(base_ + "/c2");
    first_ = store().place(base_ + "/c1");
    second_ = store().place(base_ + "/c2");
  }
  void TearDown() override {
    EXPECT_TRUE(store().destroy(second_));
    EXPECT_TRUE(store().destroy(first_));
    EXPECT_TRUE(remove_tree(base_));
  }
  static const BackingStore& store() { return *GetParam(); }
  std::string directory(const std::string& root) { return *store().directory_of(root); }
  void fill() {
    ASSERT_TRUE(store().create(first_));
    fs::create_directory(directory(first_) + "/etc");
    std::ofstream(directory(first_) + "/etc/hostname") << "one\n";
  }

  std::string base_, first_, second_;
};

TEST_P(BackingStoreTest, PlacesDifferAndAreTellable) {
  EXPECT_NE(first_, second_);
  EXPECT_EQ(rootfs_value(store(), first_), std::string(store().traits().name) + ":" + first_);
  EXPECT_EQ(*find_store(store().traits().name), &store());
}

TEST_P(BackingStoreTest, CreatesAnEmptyRootOnce) {
  EXPECT_FALSE(store().owns(first_));
  ASSERT_TRUE(store().create(first_));
  EXPECT_TRUE(store().owns(first_));
  EXPECT_EQ(*store_of({}, first_), &store());
  EXPECT_TRUE(fs::is_empty(directory(first_)));
  EXPECT_EQ(sys::stat(directory(first_))->st_mode & 07777, 0755U);
  const auto again = store().create(first_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), EEXIST);
}

TEST_P(BackingStoreTest, ACopyHasEverythingAndIsApart) {
  fill();
  ASSERT_TRUE(store().copy(directory(first_), second_));
  EXPECT_EQ(*sys::read_file(directory(second_) + "/etc/hostname"), "one\n");
  std::ofstream(directory(second_) + "/etc/hostname") << "two\n";
  EXPECT_EQ(*sys::read_file(directory(first_) + "/etc/hostname"), "one\n");
  ASSERT_TRUE(store().destroy(first_));
  EXPECT_EQ(*sys::read_file(directory(second_) + "/etc/hostname"), "two\n");
}

TEST_P(BackingStoreTest, ACopyOntoSomethingIsRefused) {
  fill();
  ASSERT_TRUE(store().create(second_));
  std::ofstream(directory(second_) + "/precious") << "x";
  EXPECT_FALSE(store().copy(directory(first_), second_));
  EXPECT_TRUE(fs::exists(directory(second_) + "/precious"));
}

TEST_P(BackingStoreTest, SnapshotsWhereItSaysSo) {
  fill();
  const auto outcome = store().snapshot(first_, second_);
  ASSERT_EQ(outcome.has_value(), store().traits().can_snapshot);
  if (outcome) {
    EXPECT_EQ(*sys::read_file(directory(second_) + "/etc/hostname"), "one\n");
  } else {
    EXPECT_EQ(outcome.error().code(), EOPNOTSUPP);
    EXPECT_THAT(outcome.error().render("p", "s"), HasSubstr("full copy"));
    EXPECT_FALSE(fs::exists(second_));
  }
}

TEST_P(BackingStoreTest, DestroysAllOfItAndMayBeRepeated) {
  fill();
  ASSERT_TRUE(store().destroy(first_));
  EXPECT_FALSE(store().owns(first_));
  EXPECT_TRUE(store().destroy(first_));
  EXPECT_TRUE(fs::exists(base_ + "/c1"));
}

TEST_P(BackingStoreTest, DestroyFollowsNoLink) {
  fs::create_directory(base_ + "/precious");
  std::ofstream(base_ + "/precious/file") << "x";
  fill();
  fs::create_directory_symlink(base_ + "/precious", directory(first_) + "/link");
  ASSERT_TRUE(store().destroy(first_));
  EXPECT_TRUE(fs::exists(base_ + "/precious/file"));
}

INSTANTIATE_TEST_SUITE_P(Stores, BackingStoreTest, ::testing::ValuesIn(stores().begin(), stores().end()),
                         [](const auto& info) { return std::string(info.param->traits().name); });

TEST(Stores, UnknownAndLaterNamesAreToldApart) {
  EXPECT_THAT(find_store("btrfs").error().cause() + find_store("btrfs").error().line(), HasSubstr("comes later"));
  EXPECT_THAT(find_store("nonsense").error().line(), HasSubstr("no back end"));
  EXPECT_EQ(find_store("overlayfs").error().code(), EOPNOTSUPP);
  EXPECT_FALSE(store_of({}, "/no/such/root"));
}

}  // namespace
}  // namespace berth::storage
