#include "storage/tree/copy_tree.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "../sys/faults.hpp"
#include "base/strings.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

Progress nobody;

class CopyTreeTest : public ::testing::Test {
 protected:
  CopyTreeTest() {
    fs::create_directory(from_);
    fs::create_directory(parent_);
  }
  ~CopyTreeTest() override { EXPECT_TRUE(remove_tree(base_.path())); }

  static void write(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }
  static struct ::stat about(const std::string& path) {
    struct ::stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
  }
  void copy() {
    const auto outcome = copy_tree(from_, to_, nobody);
    ASSERT_TRUE(outcome) << outcome.error().line();
  }
  // Owner, permissions, kind and times.
  void expect_same(const std::string& name) {
    const auto a = about(from_ + name), b = about(to_ + name);
    EXPECT_EQ(a.st_mode, b.st_mode) << name;
    EXPECT_EQ(a.st_uid, b.st_uid) << name;
    EXPECT_EQ(a.st_gid, b.st_gid) << name;
    EXPECT_EQ(a.st_rdev, b.st_rdev) << name;
    EXPECT_EQ(a.st_mtim.tv_sec, b.st_mtim.tv_sec) << name;
    EXPECT_EQ(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec) << name;
  }

  testing::TemporaryDirectory base_;
  std::string from_ = base_ / "from", parent_ = base_ / "parent", to_ = parent_ + "/to";
};

TEST_F(CopyTreeTest, KeepsEveryKindOfEntry) {
  fs::create_directories(from_ + "/a/b");
  write(from_ + "/a/file", "text");
  write(from_ + "/empty", "");
  fs::create_symlink("/nowhere", from_ + "/link");
  ASSERT_EQ(::mkfifo((from_ + "/fifo").c_str(), 0620), 0);
  ASSERT_EQ(::mknod((from_ + "/socket").c_str(), S_IFSOCK | 0600, 0), 0);
  ::chmod((from_ + "/a/file").c_str(), 04711);
  ::chmod((from_ + "/a").c_str(), 0500);
  ::chmod(from_.c_str(), 01733);
  const struct ::timespec times[2] = {{1, 2}, {1234567890, 987654321}};
  for (const char* name : {"/a/b", "/a/file", "/link", "/fifo", "/a", ""})
    ASSERT_EQ(::utimensat(AT_FDCWD, (from_ + name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  copy();
  for (const char* name : {"", "/a", "/a/b", "/a/file", "/empty", "/link", "/fifo", "/socket"}) expect_same(name);
  EXPECT_EQ(*sys::read_file(to_ + "/a/file"), "text");
  EXPECT_EQ(*sys::read_link(to_ + "/link"), "/nowhere");
}

TEST_F(CopyTreeTest, OwnersNodesAndCapabilitiesNeedRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  write(from_ + "/file", "x");
  ASSERT_EQ(::chown((from_ + "/file").c_str(), 100000, 100001), 0);
  ::chmod((from_ + "/file").c_str(), 06755);
  // VFS_CAP_REVISION_2 with cap_net_raw, as setcap(8) writes it.
  const unsigned char capability[20] = {1, 0, 0, 2, 0, 0x20};
  ASSERT_EQ(::setxattr((from_ + "/file").c_str(), "security.capability", capability, sizeof capability, 0), 0);
  if (::mknod((from_ + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) GTEST_SKIP() << "makes no device nodes";
  fs::create_symlink("x", from_ + "/link");
  ASSERT_EQ(::lchown((from_ + "/link").c_str(), 7, 8), 0);
  ASSERT_EQ(::lsetxattr((from_ + "/link").c_str(), "trusted.t", "v", 1, 0), 0);
  copy();
  for (const char* name : {"/file", "/null", "/link"}) expect_same(name);
  unsigned char copied[64];
  EXPECT_EQ(::getxattr((to_ + "/file").c_str(), "security.capability", copied, sizeof copied), 20);
  EXPECT_EQ(::lgetxattr((to_ + "/link").c_str(), "trusted.t", copied, sizeof copied), 1);
}

TEST_F(CopyTreeTest, KeepsHardLinksWithinTheTree) {
  fs::create_directories(from_ + "/deep/er");
  write(from_ + "/deep/er/one", "shared");
  fs::create_hard_link(from_ + "/deep/er/one", from_ + "/two");
  write(base_ / "outside", "not shared");
  fs::create_hard_link(base_ / "outside", from_ + "/three");
  copy();
  EXPECT_EQ(about(to_ + "/two").st_ino, about(to_ + "/deep/er/one").st_ino);
  EXPECT_EQ(about(to_ + "/three").st_nlink, 1U);
}

TEST_F(CopyTreeTest, HolesStayHoles) {
  constexpr off_t kSize = 64 << 20;
  const int fd = ::open((from_ + "/sparse").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::ftruncate(fd, kSize), 0);
  ASSERT_EQ(::pwrite(fd, "begin", 5, 1 << 20), 5);
  ASSERT_EQ(::pwrite(fd, "end", 3, (32 << 20) + 17), 3);
  ::close(fd);
  copy();
  EXPECT_EQ(about(to_ + "/sparse").st_size, kSize);
  EXPECT_LE(about(to_ + "/sparse").st_blocks, about(from_ + "/sparse").st_blocks + 16);
  std::ifstream file(to_ + "/sparse", std::ios::binary);
  char text[4] = {};
  file.seekg((32 << 20) + 17).read(text, 3);
  EXPECT_STREQ(text, "end");
}

TEST_F(CopyTreeTest, DataIsTheSameWhateverTheKernelOffers) {
  std::string data(3 * 1000 * 1000 + 7, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 31 + i / 4096);
  write(from_ + "/big", data);
  for (const int refused : {0, EXDEV, EINVAL, ENOSYS}) {
    const std::string to = strings::cat(parent_, "/", refused);
    testing::ScopedFault fault(refused == 0 ? -2 : SYS_copy_file_range, 1, refused);
    const auto outcome = copy_tree(from_, to, nobody);
    ASSERT_TRUE(outcome) << outcome.error().line();
    EXPECT_TRUE(*sys::read_file(to + "/big") == data) << refused;
  }
}

TEST_F(CopyTreeTest, ExtendedAttributes) {
  write(from_ + "/file", "x");
  const std::string large(3000, 'v');
  if (::setxattr((from_ + "/file").c_str(), "user.note", large.data(), large.size(), 0) != 0) GTEST_SKIP() << "none here";
  ASSERT_EQ(::setxattr(from_.c_str(), "user.top", "t", 1, 0), 0);
  copy();
  std::string value(5000, '\0');
  EXPECT_EQ(::getxattr((to_ + "/file").c_str(), "user.note", value.data(), value.size()), 3000);
  EXPECT_EQ(::getxattr(to_.c_str(), "user.top", value.data(), value.size()), 1);
}

TEST_F(CopyTreeTest, TakesNothingFromTheDirectoryAbove) {
  ::chmod(parent_.c_str(), 02777);
  // A default access list: rwx for the owner and for others, nothing for the group.
  const unsigned char list[28] = {2, 0, 0,    0,    1,    0,    7,    0, 0xff, 0xff, 0xff, 0xff, 4,    0,
                                  0, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 7,    0,    0xff, 0xff, 0xff, 0xff};
  const bool has_list = ::setxattr(parent_.c_str(), "system.posix_acl_default", list, sizeof list, 0) == 0;
  fs::create_directory(from_ + "/below");
  write(from_ + "/below/file", "x");
  copy();
  for (const char* name : {"", "/below", "/below/file"}) expect_same(name);
  char value[64];
  EXPECT_LT(::getxattr((to_ + "/below").c_str(), "system.posix_acl_default", value, sizeof value), 0) << has_list;
}

TEST_F(CopyTreeTest, DeeperThanThisProcessMayHaveDescriptors) {
  constexpr int kDepth = 1500;  // two descriptors each would be more than the usual limit of 1024
  int at = ::open(from_.c_str(), O_DIRECTORY | O_RDONLY);
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(::mkdirat(at, "d", 0755), 0);
    const int next = ::openat(at, "d", O_DIRECTORY | O_RDONLY);
    if (i == kDepth - 1 || i == 10) {
      const int file = ::openat(next, "f", O_CREAT | O_WRONLY, 0600);
      ASSERT_EQ(::linkat(next, "f", next, "g", 0), 0);
      ::close(file);
    }
    ::close(at);
    at = next;
  }
  ::close(at);
  const std::size_t before = testing::open_descriptors();
  copy();
  EXPECT_EQ(testing::open_descriptors(), before);
  at = ::open(to_.c_str(), O_DIRECTORY | O_RDONLY);
  for (int i = 0; i < kDepth; ++i) {
    const int next = ::openat(at, "d", O_DIRECTORY | O_RDONLY);
    ASSERT_GE(next, 0) << i;
    ::close(at);
    at = next;
  }
  struct ::stat info{};
  EXPECT_EQ(::fstatat(at, "g", &info, 0), 0);
  EXPECT_EQ(info.st_nlink, 2U);
  ::close(at);
}

TEST_F(CopyTreeTest, NeverFollowsALinkOut) {
  write(base_ / "secret", "secret");
  fs::create_directory(base_ / "private");
  write(base_ / "private/file", "x");
  fs::create_symlink(base_ / "secret", from_ + "/file");
  fs::create_symlink(base_ / "private", from_ + "/directory");
  copy();
  EXPECT_TRUE(fs::is_symlink(to_ + "/file"));
  EXPECT_TRUE(fs::is_symlink(to_ + "/directory"));
}

TEST_F(CopyTreeTest, IntoItselfIsRefused) {
  fs::create_directory(from_ + "/below");
  const auto outcome = copy_tree(from_, from_ + "/below/copy", nobody);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().render("p", "s"), HasSubstr("the copy lies inside of what is copied"));
}

TEST_F(CopyTreeTest, AFullDiskNamesTheFileAndTheWayOut) {
  fs::create_directory(from_ + "/below");
  write(from_ + "/below/file", std::string(200, 'x'));
  testing::ScopedFault fault(SYS_pwrite64, 1, ENOSPC);
  const auto outcome = copy_tree(from_, to_, nobody);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ENOSPC);
  const std::string text = outcome.error().render("p", "s");
  EXPECT_THAT(text, HasSubstr(from_ + "/below/file"));
  EXPECT_THAT(text, HasSubstr("make room"));
}

TEST_F(CopyTreeTest, AnExistingDestinationIsRefusedAndStays) {
  fs::create_directory(to_);
  write(to_ + "/precious", "x");
  const auto outcome = copy_tree(from_, to_, nobody);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), EEXIST);
  EXPECT_TRUE(fs::exists(to_ + "/precious"));
}

TEST_F(CopyTreeTest, WithoutOpenat2Too) {
  sys::ScopedFeature off(sys::Feature::kOpenat2, false);
  fs::create_directories(from_ + "/a/b");
  write(from_ + "/a/b/file", "text");
  copy();
  EXPECT_EQ(*sys::read_file(to_ + "/a/b/file"), "text");
}

// Every single call fails once: an error or a complete copy, no crash, no descriptor left open.
TEST_F(CopyTreeTest, EveryCallMayFail) {
  fs::create_directories(from_ + "/a/b");
  write(from_ + "/a/file", "text");
  fs::create_symlink("x", from_ + "/a/link");
  const std::size_t before = testing::open_descriptors();
  for (int nth = 1;; ++nth) {
    bool fired = false;
    {
      testing::ScopedFault fault(testing::ScopedFault::kAnyCall, nth, EIO);
      const auto outcome = copy_tree(from_, to_, nobody);
      fired = testing::ScopedFault::fired();
      if (fired && !outcome) {
        EXPECT_EQ(outcome.error().code(), EIO) << outcome.error().line();
      }
    }
    EXPECT_EQ(testing::open_descriptors(), before) << nth;
    ASSERT_TRUE(remove_tree(to_));
    if (!fired) break;
  }
}

}  // namespace
}  // namespace berth::storage
