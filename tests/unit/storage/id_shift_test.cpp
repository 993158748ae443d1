#include "storage/tree/id_shift.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>
#include <fstream>

#include "../sys/faults.hpp"
#include "storage/tree/copy_tree.hpp"
#include "storage/tree/remove_tree.hpp"

namespace berth::storage {
namespace {

using ::testing::HasSubstr;
using Kind = IdRange::Kind;

const IdShift kShift({{Kind::kBoth, 0, 100000, 65536}, {Kind::kUsers, 200000, 7, 1}, {Kind::kGroups, 200000, 8, 1}});

std::string bytes(std::initializer_list<unsigned> words) {
  std::string text;
  for (const unsigned word : words) text.append(reinterpret_cast<const char*>(&word), sizeof word);
  return text;
}
// tag and permissions are two halves of a word
std::string list(unsigned user, unsigned group) {
  return bytes({2, 0x00060001, ~0U, 0x00050002, user, 0x00040004, ~0U, 0x00070008, group, 0x00070010, ~0U, 0x00000020, ~0U});
}

TEST(IdShift, UsersAndGroupsHaveTablesOfTheirOwn) {
  EXPECT_EQ(*kShift.user(0, "f"), 100000U);
  EXPECT_EQ(*kShift.group(65535, "f"), 165535U);
  EXPECT_EQ(*kShift.user(200000, "f"), 7U);
  EXPECT_EQ(*kShift.group(200000, "f"), 8U);
  EXPECT_EQ(*IdShift().user(12345, "f"), 12345U);
}

TEST(IdShift, AnIdOutsideIsAnErrorWithFileAndId) {
  const auto outside = kShift.user(65536, "/root/file");
  ASSERT_FALSE(outside);
  EXPECT_THAT(outside.error().line(), HasSubstr("/root/file"));
  EXPECT_THAT(outside.error().line(), HasSubstr("user id 65536"));
  EXPECT_FALSE(kShift.group(200001, "f"));
}

TEST(IdShift, AccessLists) {
  std::string value = list(1, 200000);
  ASSERT_TRUE(kShift.attribute("system.posix_acl_access", value, "f"));
  EXPECT_EQ(value, list(100001, 8));
  value = list(1, 2);
  ASSERT_TRUE(kShift.attribute("system.posix_acl_default", value, "f"));
  EXPECT_EQ(value, list(100001, 100002));
  value = list(70000, 2);
  EXPECT_FALSE(kShift.attribute("system.posix_acl_access", value, "f"));
  for (std::string broken : {std::string("x"), bytes({3}), bytes({2, 1})})
    EXPECT_FALSE(kShift.attribute("system.posix_acl_access", broken, "f"));
  value = "anything";
  ASSERT_TRUE(kShift.attribute("user.note", value, "f"));
  EXPECT_EQ(value, "anything");
}

TEST(IdShift, CapabilitiesBelongToTheRootOfANamespace) {
  std::string value = bytes({0x03000001, 1, 0, 2, 0, 1});
  ASSERT_TRUE(kShift.attribute("security.capability", value, "f"));
  EXPECT_EQ(value, bytes({0x03000001, 1, 0, 2, 0, 100001}));
  value = bytes({0x02000001, 1, 0, 2, 0});  // of the host's root, who becomes 100000
  ASSERT_TRUE(kShift.attribute("security.capability", value, "f"));
  EXPECT_EQ(value, bytes({0x03000001, 1, 0, 2, 0, 100000}));
  const IdShift without_root({{Kind::kBoth, 100000, 200000, 65536}});
  value = bytes({0x02000001, 1, 0, 2, 0});
  ASSERT_TRUE(without_root.attribute("security.capability", value, "f"));
  EXPECT_EQ(value, bytes({0x02000001, 1, 0, 2, 0}));
  value = bytes({0x03000001, 1, 0, 2, 0, 5});
  EXPECT_FALSE(without_root.attribute("security.capability", value, "f"));
  value = "x";
  EXPECT_FALSE(kShift.attribute("security.capability", value, "f"));
}

TEST(IdShift, OfAWholeTree) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const testing::TemporaryDirectory base;
  const std::string from = base / "from", to = base / "to";
  std::filesystem::create_directory(from);
  std::ofstream(from + "/file") << "x";
  std::filesystem::create_symlink("x", from + "/link");
  ASSERT_EQ(::chown((from + "/file").c_str(), 1000, 200000), 0);
  ASSERT_EQ(::lchown((from + "/link").c_str(), 200000, 5), 0);
  const std::string access = list(1000, 1001);
  const bool has_list = ::setxattr((from + "/file").c_str(), "system.posix_acl_access", access.data(), access.size(), 0) == 0;
  CopyOptions options;
  options.shift = kShift;
  const auto outcome = copy_tree(from, to, options);
  ASSERT_TRUE(outcome) << outcome.error().line();
  struct ::stat info{};
  ASSERT_EQ(::stat(to.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 100000U);
  ASSERT_EQ(::stat((to + "/file").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 101000U);
  EXPECT_EQ(info.st_gid, 8U);
  ASSERT_EQ(::lstat((to + "/link").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 7U);
  EXPECT_EQ(info.st_gid, 100005U);
  std::string copied(access.size(), '\0');
  if (has_list) {
    ASSERT_EQ(::getxattr((to + "/file").c_str(), "system.posix_acl_access", copied.data(), copied.size()),
              static_cast<ssize_t>(access.size()));
    EXPECT_EQ(copied, list(101000, 101001));
  }
  ASSERT_EQ(::chown((from + "/file").c_str(), 300000, 0), 0);
  ASSERT_TRUE(remove_tree(to));
  const auto refused = copy_tree(from, to, options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().line(), HasSubstr(from + "/file"));
  EXPECT_THAT(refused.error().line(), HasSubstr("300000"));
}

}  // namespace
}  // namespace berth::storage
