// What stores on block devices promise beyond the interface: one file system for all who use a root, UUIDs of their own for
// snapshots, growth under a mounted root, nothing left of whoever is killed or finds no room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "lab.hpp"
#include "os/command.hpp"
#include "os/loop.hpp"
#include "storage/attachment.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;

std::string text_of(const Error& error) { return error.render("p", "s"); }

class BlockStoreTest : public ::testing::TestWithParam<lab::Row> {
 protected:
  void SetUp() override {
    if (const std::string reason = GetParam().unusable(); !reason.empty()) GTEST_SKIP() << reason;
    auto made = GetParam().make();
    ASSERT_TRUE(made) << text_of(made.error());
    lab_ = std::move(*made);
    first_ = place_of("c1");
    second_ = place_of("c2");
    const auto created = store().create(first_, lab_->specs());
    ASSERT_TRUE(created) << text_of(created.error());
  }
  void TearDown() override {
    if (!lab_) return;
    EXPECT_TRUE(store().destroy(second_));
    EXPECT_TRUE(store().destroy(first_));
  }
  static const BackingStore& store() { return **find_store(GetParam().store); }
  std::string place_of(const std::string& name) {
    const std::string directory = lab_->directory() + "/" + name;
    fs::create_directory(directory);
    return store().place({directory, name}, lab_->specs()).value();
  }
  static Result<View> view(const std::string& root, Access access) {
    return View::open(TRY(store().attach(root, access)), access);
  }
  static void write(const View& files, std::string_view text) { std::ofstream(files.directory() + "/file") << text; }
  static std::string read(const View& files) { return sys::read_file(files.directory() + "/file").value_or("(absent)"); }

  std::unique_ptr<lab::Lab> lab_;
  std::string first_, second_;
};

TEST_P(BlockStoreTest, AllWhoUseARootHaveOneFileSystem) {
  auto writer = view(first_, Access::kWrite);
  ASSERT_TRUE(writer) << text_of(writer.error());
  write(*writer, "one");
  auto reader = view(first_, Access::kRead);
  ASSERT_TRUE(reader) << text_of(reader.error());
  EXPECT_EQ(read(*reader), "one");
  write(*writer, "two");
  EXPECT_EQ(read(*reader), "two");
  EXPECT_FALSE(sys::replace_file(reader->directory() + "/other", "x"));
}

TEST_P(BlockStoreTest, WhatIsInUseIsNotDestroyed) {
  {
    auto files = view(first_, Access::kWrite);
    ASSERT_TRUE(files);
    write(*files, "precious");
    const auto destroyed = store().destroy(first_);
    ASSERT_FALSE(destroyed);
    EXPECT_EQ(destroyed.error().code(), EBUSY);
    EXPECT_THAT(text_of(destroyed.error()), HasSubstr("stop the container"));
  }
  const auto files = view(first_, Access::kRead);
  ASSERT_TRUE(files);
  EXPECT_EQ(read(*files), "precious");
}

TEST_P(BlockStoreTest, ASnapshotIsMountedBesideItsSource) {
  {
    auto files = view(first_, Access::kWrite);
    ASSERT_TRUE(files);
    write(*files, "one");
  }
  const auto shared = store().snapshot(store(), first_, second_, lab_->specs());
  ASSERT_TRUE(shared) << text_of(shared.error());
  const auto original = view(first_, Access::kWrite);
  const auto snapshot = view(second_, Access::kWrite);
  ASSERT_TRUE(original) << text_of(original.error());
  ASSERT_TRUE(snapshot) << text_of(snapshot.error());
  EXPECT_EQ(read(*snapshot), "one");
  write(*snapshot, "two");
  EXPECT_EQ(read(*original), "one");
}

TEST_P(BlockStoreTest, ASnapshotMayBeLargerThanItsSource) {
  if (std::string_view(GetParam().name) == "lvm_thick") GTEST_SKIP() << "a size is the room for changes there";
  {
    auto files = view(first_, Access::kWrite);
    ASSERT_TRUE(files);
    write(*files, "one");
  }
  Specs specs = lab_->specs();
  specs.size = 480 * kMiB;
  const auto shared = store().snapshot(store(), first_, second_, specs);
  ASSERT_TRUE(shared) << text_of(shared.error());
  EXPECT_EQ(store().usage(second_).value().limit, 480 * kMiB);
  const auto snapshot = view(second_, Access::kRead);
  ASSERT_TRUE(snapshot) << text_of(snapshot.error());
  EXPECT_EQ(read(*snapshot), "one");
  EXPECT_GT(sys::stat_filesystem(snapshot->directory()).value().f_blocks, 0U);
}

TEST_P(BlockStoreTest, WhatIsInUseGrows) {
  auto files = view(first_, Access::kWrite);
  ASSERT_TRUE(files);
  write(*files, "one");
  const auto before = sys::stat_filesystem(files->directory()).value();
  const auto length = store().usage(first_).value().limit;
  const auto resized = store().resize(first_, 480 * kMiB);
  if (!resized) {
    EXPECT_EQ(store().usage(first_).value().limit, length);  // the device is as long as it was
  }
  if (!resized && resized.error().code() == EPERM) GTEST_SKIP() << "no CAP_SYS_RESOURCE here, which ext4 wants for that";
  if (std::string_view(GetParam().store) == "nbd") {
    ASSERT_FALSE(resized);
    EXPECT_EQ(resized.error().code(), EBUSY);
    return;
  }
  ASSERT_TRUE(resized) << text_of(resized.error());
  const auto after = sys::stat_filesystem(files->directory()).value();
  EXPECT_GE((after.f_blocks - before.f_blocks) * static_cast<std::uint64_t>(after.f_bsize), 100 * kMiB);
  EXPECT_EQ(read(*files), "one");
}

TEST_P(BlockStoreTest, ShrinksToWhatItHoldsAndNoFurther) {
  const auto grown = store().resize(first_, 512 * kMiB);
  ASSERT_TRUE(grown) << text_of(grown.error());
  std::string type;
  {
    auto attachment = store().attach(first_, Access::kWrite);
    ASSERT_TRUE(attachment);
    type = attachment->mount.fstype;
    auto files = View::open(std::move(*attachment), Access::kWrite);
    ASSERT_TRUE(files);
    write(*files, std::string(100 * kMiB, 'x'));
  }
  EXPECT_FALSE(store().resize(first_, 64 * kMiB));
  EXPECT_FALSE(store().resize(first_, 0));
  const auto shrunk = store().resize(first_, 360 * kMiB);
  EXPECT_EQ(shrunk.has_value(), type != "xfs") << (shrunk ? "" : text_of(shrunk.error()));
  EXPECT_EQ(store().usage(first_).value().limit, (type == "xfs" ? 512 : 360) * kMiB);
  const auto files = view(first_, Access::kRead);
  ASSERT_TRUE(files) << text_of(files.error());
  EXPECT_EQ(read(*files), std::string(100 * kMiB, 'x'));
}

TEST_P(BlockStoreTest, ACopyKeepsTheTypeOfTheFileSystem) {
  Progress nobody;
  Specs specs = lab_->specs();
  const std::string type = specs.fstype.empty() ? "ext4" : specs.fstype;
  specs.fstype.clear();
  specs.size = 0;
  const auto copied = store().copy(store(), first_, second_, specs, nobody);
  ASSERT_TRUE(copied) << text_of(copied.error());
  EXPECT_EQ(store().attach(second_, Access::kRead).value().mount.fstype, type);
  EXPECT_EQ(store().usage(second_).value().limit, store().usage(first_).value().limit);
  ASSERT_TRUE(store().destroy(second_));
  specs.fstype = type == "ext4" ? "xfs" : "ext4";
  const auto other = store().copy(store(), first_, second_, specs, nobody);
  ASSERT_TRUE(other) << text_of(other.error());
  EXPECT_EQ(store().attach(second_, Access::kRead).value().mount.fstype, specs.fstype);
}

TEST_P(BlockStoreTest, ACopyThatIsTooSmallIsToldInWordsOfItsOwner) {
  {
    auto files = view(first_, Access::kWrite);
    ASSERT_TRUE(files);
    write(*files, std::string(100 * kMiB, 'x'));
  }
  Progress nobody;
  Specs specs = lab_->specs();
  specs.fstype = "ext4";
  specs.size = 64 * kMiB;
  const auto copied = store().copy(store(), first_, second_, specs, nobody);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ENOSPC);
  EXPECT_THAT(text_of(copied.error()),
              AllOf(HasSubstr("64 MiB is too small"), HasSubstr("--fssize"), HasSubstr(first_ + ":/file")));
  EXPECT_THAT(text_of(copied.error()), Not(HasSubstr("/proc/")));
  EXPECT_FALSE(store().owns(second_));
}

// Killed at one moment after the other: what is there is removed, and made again.
TEST_P(BlockStoreTest, KilledCopiesLeaveNothingForGood) {
  {
    auto files = view(first_, Access::kWrite);
    ASSERT_TRUE(files);
    write(*files, std::string(8 * kMiB, 'x'));
  }
  const bool slow = std::string_view(GetParam().store) != "loop";  // in a virtual machine
  for (unsigned delay = 2; delay < (slow ? 3000 : 200); delay = delay * (slow ? 6 : 2)) {
    const pid_t child = ::fork();
    if (child == 0) {
      Progress nobody;
      static_cast<void>(store().copy(store(), first_, second_, lab_->specs(), nobody));
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    Status destroyed = store().destroy(second_);
    for (int again = 0; again < 100 && !destroyed && destroyed.error().code() == EBUSY; ++again) {  // mkfs goes on for a moment
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      destroyed = store().destroy(second_);
    }
    EXPECT_TRUE(destroyed) << delay << " ms: " << text_of(destroyed.error());
    EXPECT_FALSE(store().owns(second_));
  }
  Progress nobody;
  const auto copied = store().copy(store(), first_, second_, lab_->specs(), nobody);
  ASSERT_TRUE(copied) << text_of(copied.error());
  const auto files = view(second_, Access::kRead);
  ASSERT_TRUE(files);
  EXPECT_EQ(read(*files).size(), 8 * kMiB);
}

std::vector<lab::Row> block_rows() {
  std::vector<lab::Row> rows;
  for (const lab::Row& row : lab::labs())
    if (row.store == "loop" || row.store == "lvm" || row.store == "nbd") rows.push_back(row);
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Stores, BlockStoreTest, ::testing::ValuesIn(block_rows()),
                         [](const auto& info) { return std::string(info.param.name); });

// --- loop on a small file system
// ------------------------------------------------------------------------------------------------

class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = lab::loop_ext4_row().unusable(); !reason.empty()) GTEST_SKIP() << reason;
    Attachment attachment;
    attachment.mount.fstype = "tmpfs";
    attachment.mount.options = {{"size", "40m"}};
    auto disk = View::open(std::move(attachment), Access::kWrite);
    ASSERT_TRUE(disk) << text_of(disk.error());
    disk_.emplace(std::move(*disk));
    directory_ = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(disk_->mount().get());
    source_ = lab::make_directory();
    ASSERT_TRUE(sys::replace_file(source_ + "/large", std::string(80 * kMiB, 'x')));
  }
  void TearDown() override { EXPECT_TRUE(source_.empty() || remove_tree(source_)); }
  static const BackingStore& store() { return **find_store("loop"); }
  [[nodiscard]] std::size_t files() const { return sys::list_directory(directory_).value().size(); }

  std::optional<View> disk_;
  std::string directory_, source_;
};

TEST_F(FullDisk, ACopyIsToldAndTakenBack) {
  Progress nobody;
  const auto copied = store().copy(**find_store("dir"), source_, directory_ + "/rootdev", {.size = 200 * kMiB}, nobody);
  ASSERT_FALSE(copied);
  EXPECT_THAT(text_of(copied.error()), HasSubstr("is there room for it"));
  EXPECT_EQ(files(), 0U);
}

TEST_F(FullDisk, AFileSystemThatCantBeMadeIsTakenBack) {
  ASSERT_TRUE(sys::replace_file(directory_ + "/filling", std::string(39 * kMiB, 'x')));
  const auto created = store().create(directory_ + "/rootdev", {.fstype = "ext4", .size = 4096 * kMiB});
  ASSERT_FALSE(created);
  EXPECT_EQ(files(), 1U);
}

TEST_F(FullDisk, WhereNoBlocksAreSharedASnapshotIsRefused) {
  ASSERT_TRUE(store().create(directory_ + "/rootdev", {.size = 64 * kMiB}));
  const auto shared = store().snapshot(store(), directory_ + "/rootdev", directory_ + "/second", {});
  ASSERT_FALSE(shared);
  EXPECT_EQ(shared.error().code(), EOPNOTSUPP);
  EXPECT_THAT(text_of(shared.error()), HasSubstr("full copy"));
  EXPECT_EQ(files(), 1U);
}

}  // namespace
}  // namespace berth::storage
