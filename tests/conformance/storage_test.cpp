// What every backing store promises (storage/backing_store.hpp). A new one joins by a row in stores() and one in lab::labs().
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/strings.hpp"
#include "storage/backing_store.hpp"
#include "storage/lab.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::string text_of(const Error& error) { return error.render("p", "s"); }

class BackingStoreTest : public ::testing::TestWithParam<lab::Row> {
 protected:
  void SetUp() override {
    if (const std::string reason = GetParam().unusable(); !reason.empty()) GTEST_SKIP() << reason;
    auto made = GetParam().make();
    ASSERT_TRUE(made) << text_of(made.error());
    lab_ = std::move(*made);
    first_ = place_of("c1");
    second_ = place_of("c2");
  }
  void TearDown() override {
    if (!lab_) return;
    for (const std::string& root : {second_, first_}) {
      const auto destroyed = store().destroy(root);
      EXPECT_TRUE(destroyed) << text_of(destroyed.error());
    }
  }
  static const BackingStore& store() { return **find_store(GetParam().store); }
  static const Traits& traits() { return store().traits(); }
  [[nodiscard]] std::string base() const { return lab_->directory(); }
  [[nodiscard]] Specs specs() const { return lab_->specs(); }

  std::string place_of(const std::string& name) {
    const std::string directory = base() + "/" + name;
    fs::create_directory(directory);
    auto place = store().place({directory, name}, specs());
    EXPECT_TRUE(place) << text_of(place.error());
    return place ? *place : "";
  }
  static View view(const std::string& root, Access access = Access::kWrite) {
    auto attachment = store().attach(root, access);
    EXPECT_TRUE(attachment) << text_of(attachment.error());
    auto opened = View::open(std::move(*attachment), access);
    EXPECT_TRUE(opened) << text_of(opened.error());
    return std::move(*opened);
  }
  static void write(const std::string& root, const std::string& file, std::string_view text) {
    View files = view(root);
    fs::create_directories(fs::path(files.directory() + "/" + file).parent_path());
    std::ofstream(files.directory() + "/" + file) << text;
    EXPECT_TRUE(files.close());
  }
  static std::string read(const std::string& root, const std::string& file) {
    const View files = view(root, Access::kRead);
    return sys::read_file(files.directory() + "/" + file).value_or("(absent)");
  }
  Status create(const std::string& root) { return store().create(root, specs()); }
  Status copy(const std::string& from, const std::string& to) { return store().copy(store(), from, to, specs(), nobody_); }
  void fill() {
    const auto made = create(first_);
    ASSERT_TRUE(made) << text_of(made.error());
    write(first_, "etc/hostname", "one\n");
  }

  std::unique_ptr<lab::Lab> lab_;
  std::string first_, second_;
  Progress nobody_;
};

TEST_P(BackingStoreTest, PlacesDifferAndAreTellable) {
  EXPECT_NE(first_, second_);
  EXPECT_EQ(rootfs_value(store(), first_), std::string(traits().name) + ":" + first_);
  EXPECT_EQ(*find_store(traits().name), &store());
}

TEST_P(BackingStoreTest, CreatesAnEmptyRootOnce) {
  EXPECT_FALSE(store().owns(first_));
  ASSERT_TRUE(create(first_));
  EXPECT_TRUE(store().owns(first_));
  {
    const View files = view(first_, Access::kRead);
    const auto entries = sys::list_directory(files.directory());
    ASSERT_TRUE(entries) << text_of(entries.error());
    for (const auto& entry : *entries) EXPECT_EQ(entry.name, "lost+found");
    EXPECT_EQ(sys::stat(files.directory())->st_mode & 07777, 0755U);
  }
  const auto again = create(first_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), EEXIST);
}

TEST_P(BackingStoreTest, ACopyHasEverythingAndIsApart) {
  fill();
  const auto copied = copy(first_, second_);
  ASSERT_TRUE(copied) << text_of(copied.error());
  EXPECT_EQ(read(second_, "etc/hostname"), "one\n");
  write(second_, "etc/hostname", "two\n");
  EXPECT_EQ(read(first_, "etc/hostname"), "one\n");
  ASSERT_TRUE(store().destroy(first_));
  EXPECT_EQ(read(second_, "etc/hostname"), "two\n");
}

// Where two manifests differ first; a whole one is a million letters.
std::string first_difference(const std::string& a, const std::string& b) {
  std::istringstream first(a), second(b);
  for (std::string one, other;;) {
    const bool has_one = static_cast<bool>(std::getline(first, one));
    const bool has_other = static_cast<bool>(std::getline(second, other));
    if (!has_one && !has_other) return "";
    if (!has_one || !has_other || one != other) return (has_one ? one : "(the end)") + "\n" + (has_other ? other : "(the end)");
  }
}

// False in a user namespace, whose map is of fewer ids.
bool has_every_owner() {
  const std::string map = sys::read_file("/proc/self/uid_map").value_or("");
  return strings::split_words(map, " \n") == std::vector<std::string_view>{"0", "0", "4294967295"};
}

TEST_P(BackingStoreTest, ACopyIsTheSameByManifest) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to make everything that a tree can hold";
  if (!has_every_owner()) GTEST_SKIP() << "the tree's owners and devices are not to be had in this user namespace";
  if (const std::string reason = lab_->no_odd_tree(); !reason.empty()) GTEST_SKIP() << reason;
  fill();
  std::string before;
  {
    View files = view(first_);
    const auto made = lab::make_odd_tree(files.directory() + "/odd");
    ASSERT_TRUE(made) << text_of(made.error());
    before = *lab::manifest(files.directory(), lab_->manifest_options());
    EXPECT_TRUE(files.close());
  }
  ASSERT_GT(before.size(), 100000U);
  const auto copied = copy(first_, second_);
  ASSERT_TRUE(copied) << text_of(copied.error());
  for (const std::string& root : {first_, second_}) {
    const View files = view(root, Access::kRead);
    const auto after = lab::manifest(files.directory(), lab_->manifest_options());
    ASSERT_TRUE(after) << text_of(after.error());
    EXPECT_EQ(first_difference(before, *after), "") << root;
  }
}

TEST_P(BackingStoreTest, ACopyOntoSomethingIsRefused) {
  fill();
  ASSERT_TRUE(create(second_));
  write(second_, "precious", "x");
  EXPECT_FALSE(copy(first_, second_));
  EXPECT_EQ(read(second_, "precious"), "x");
}

TEST_P(BackingStoreTest, ACopyOfNothingOntoSomethingLeavesThat) {
  fill();
  ASSERT_TRUE(store().destroy(first_));
  ASSERT_TRUE(create(second_));
  write(second_, "precious", "x");
  EXPECT_FALSE(copy(first_, second_));
  EXPECT_FALSE(store().copy(**find_store("dir"), base() + "/absent", second_, specs(), nobody_));
  EXPECT_EQ(read(second_, "precious"), "x");
}

TEST_P(BackingStoreTest, SnapshotsWhereItSaysSo) {
  fill();
  const auto path = store().snapshot_path(store(), first_, second_);
  ASSERT_TRUE(path) << text_of(path.error());
  second_ = *path;
  const auto outcome = store().snapshot(store(), first_, second_, specs());
  ASSERT_EQ(outcome.has_value(), traits().can_snapshot) << (outcome ? "" : text_of(outcome.error()));
  if (!outcome) {
    EXPECT_EQ(outcome.error().code(), EOPNOTSUPP);
    EXPECT_THAT(text_of(outcome.error()), HasSubstr("full copy"));
    EXPECT_FALSE(store().owns(second_));
    return;
  }
  EXPECT_EQ(read(second_, "etc/hostname"), "one\n");
  write(second_, "etc/hostname", "two\n");
  EXPECT_EQ(read(first_, "etc/hostname"), "one\n");
}

TEST_P(BackingStoreTest, DestroysAllOfItAndMayBeRepeated) {
  fill();
  const auto destroyed = store().destroy(first_);
  ASSERT_TRUE(destroyed) << text_of(destroyed.error());
  EXPECT_FALSE(store().owns(first_));
  EXPECT_TRUE(store().destroy(first_));
  EXPECT_TRUE(fs::exists(base() + "/c1"));
}

TEST_P(BackingStoreTest, DestroyFollowsNoLink) {
  fs::create_directory(base() + "/precious");
  std::ofstream(base() + "/precious/file") << "x";
  fill();
  fs::create_directory_symlink(base() + "/precious", view(first_).directory() + "/link");
  ASSERT_TRUE(store().destroy(first_));
  EXPECT_TRUE(fs::exists(base() + "/precious/file"));
}

TEST_P(BackingStoreTest, DestroysWhatSomebodyPutInItsPlace) {
  if (!traits().in_directory) GTEST_SKIP() << "roots of this kind lie outside of the container's directory";
  if (traits().is_block) GTEST_SKIP() << "a directory in the place of an image was never the store's, and stays";
  if (first_.find(':') != std::string::npos) GTEST_SKIP() << "the path of such a root is not that of one directory";
  fill();
  ASSERT_TRUE(store().destroy(first_));
  fs::create_directories(first_ + "/etc");
  std::ofstream(first_ + "/etc/passwd") << "x";
  const auto destroyed = store().destroy(first_);
  ASSERT_TRUE(destroyed) << text_of(destroyed.error());
  EXPECT_FALSE(fs::exists(first_));
}

TEST_P(BackingStoreTest, TellsWhatIsUsed) {
  fill();
  write(first_, "data", std::string(8 << 20, 'x'));
  auto used = store().usage(first_);
  for (int again = 0; again < 100 && used && used->used < 8U << 20; ++again) {  // zfs counts what it has written out, every 5 s
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    used = store().usage(first_);
  }
  if (!traits().can_resize && !used) {
    EXPECT_EQ(used.error().code(), EOPNOTSUPP);
    return;
  }
  ASSERT_TRUE(used) << text_of(used.error());
  EXPECT_GE(used->used, 8U << 20);
  EXPECT_LT(used->used, 200U << 20);
}

TEST_P(BackingStoreTest, ResizesWhereItSaysSo) {
  constexpr std::uint64_t kMiB = 1 << 20;
  fill();
  write(first_, "data", std::string(24 * kMiB, 'x'));
  const auto resized = store().resize(first_, 1500 * kMiB);
  ASSERT_EQ(resized.has_value(), traits().can_resize) << (resized ? "" : text_of(resized.error()));
  if (!resized) return;
  const auto usage = store().usage(first_);
  ASSERT_TRUE(usage) << text_of(usage.error());
  ASSERT_TRUE(usage->limit);
  EXPECT_GT(*usage->limit, 1300 * kMiB);
  EXPECT_LE(*usage->limit, 1500 * kMiB);
  const auto refused = store().resize(first_, 16 * kMiB);
  ASSERT_FALSE(refused);
  EXPECT_EQ(read(first_, "data").size(), 24 * kMiB);
}

INSTANTIATE_TEST_SUITE_P(Stores, BackingStoreTest, ::testing::ValuesIn(lab::labs().begin(), lab::labs().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Stores, UnknownNamesAreTold) {
  EXPECT_THAT(find_store("nonsense").error().line(), HasSubstr("no back end"));
  EXPECT_FALSE(store_of({}, "/no/such/root"));
}

}  // namespace
}  // namespace berth::storage
