#include "os/paths.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "../sys/faults.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"

namespace berth::os {
namespace {

TEST(Paths, NormaliseByTextAlone) {
  EXPECT_EQ(normalise("/a//b/../c/./"), "/a/c");
  EXPECT_EQ(normalise("/../.."), "/");
  EXPECT_EQ(normalise(""), "/");
  EXPECT_EQ(normalise("a/b"), "/a/b");
}

TEST(Paths, JoinPutsOneSlash) {
  EXPECT_EQ(join("/a", "b"), "/a/b");
  EXPECT_EQ(join("/a/", "/b"), "/a/b");
  EXPECT_EQ(join("/", "b"), "/b");
  EXPECT_EQ(join("", "b"), "b");
  EXPECT_EQ(join("/a", ""), "/a");
}

TEST(Paths, Parts) {
  EXPECT_EQ(strip_trailing_slashes("/a//"), "/a");
  EXPECT_EQ(strip_trailing_slashes("//"), "/");
  EXPECT_EQ(parent("/a/b"), "/a");
  EXPECT_EQ(parent("/a//b/"), "/a");
  EXPECT_EQ(parent("/a"), "/");
  EXPECT_EQ(parent("a"), ".");
  EXPECT_EQ(last_component("/a/b/"), "b");
  EXPECT_EQ(last_component("/"), "");
  EXPECT_EQ(last_component("x"), "x");
}

TEST(Paths, BelowIsByComponents) {
  EXPECT_TRUE(is_below("/a/b", "/a"));
  EXPECT_TRUE(is_below("/a", "/a"));
  EXPECT_FALSE(is_below("/ab", "/a"));
  EXPECT_TRUE(is_below("/x", "/"));
}

// A tree in which links try to lead out.
class OpenBelow : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(sys::ensure_directory(dir_ / "root/etc", 0755));
    ASSERT_TRUE(sys::replace_file(dir_ / "root/etc/passwd", "inside"));
    ASSERT_TRUE(sys::replace_file(dir_ / "secret", "outside"));
    ASSERT_TRUE(sys::symlink("/etc/passwd", dir_ / "root/absolute"));
    ASSERT_TRUE(sys::symlink("../secret", dir_ / "root/relative"));
    ASSERT_TRUE(sys::symlink("/etc", dir_ / "root/linked"));
    root_ = sys::open(dir_ / "root", O_PATH | O_DIRECTORY).value();
  }
  Result<std::string> read(std::string_view path, std::uint64_t resolve = 0) {
    const Fd fd = TRY(open_below(root_.get(), path, O_RDONLY, 0, resolve));
    return sys::read_all(fd.get(), path);
  }
  berth::testing::TemporaryDirectory dir_;
  Fd root_;
};

TEST_F(OpenBelow, LinksStayInside) {
  if (!sys::has(sys::Feature::kOpenat2)) GTEST_SKIP() << "no openat2";
  EXPECT_EQ(read("/etc/passwd").value(), "inside");
  EXPECT_EQ(read("etc/../../../etc/passwd").value(), "inside");
  EXPECT_EQ(read("/absolute").value(), "inside");
  EXPECT_EQ(read("/linked/passwd").value(), "inside");
  EXPECT_EQ(read("/relative").error().line(), "openat2(/relative): No such file or directory (ENOENT)");
  EXPECT_EQ(read("/absolute", RESOLVE_NO_SYMLINKS).error().code(), ELOOP);
}

TEST_F(OpenBelow, WithoutOpenat2NoLinkIsFollowed) {
  const sys::ScopedFeature off(sys::Feature::kOpenat2, false);
  EXPECT_EQ(read("/etc/passwd").value(), "inside");
  EXPECT_EQ(read("/../etc/./passwd").value(), "inside");
  for (const char* link : {"/absolute", "/relative", "/linked/passwd"}) {
    const Result<std::string> result = read(link);
    ASSERT_FALSE(result) << link;
    EXPECT_TRUE(result.error().code() == ELOOP || result.error().code() == ENOTDIR) << link;
    EXPECT_NE(result.error().because().find("openat2"), std::string::npos);
  }
  EXPECT_EQ(open_below(root_.get(), "/absolute", O_PATH).error().code(), ELOOP) << "O_PATH would open the link itself";
  EXPECT_TRUE(open_below(root_.get(), "/absolute", O_PATH | O_NOFOLLOW));
  EXPECT_TRUE(open_below(root_.get(), "/", O_PATH | O_DIRECTORY));
  EXPECT_EQ(open_below(root_.get(), "/etc/none", O_RDONLY).error().line(), "open(/etc/none): No such file or directory (ENOENT)");
}

TEST_F(OpenBelow, BothWaysMakeFiles) {
  for (const bool available : {false, true}) {
    if (available && !sys::has(sys::Feature::kOpenat2)) continue;
    const sys::ScopedFeature feature(sys::Feature::kOpenat2, available);
    EXPECT_TRUE(open_below(root_.get(), available ? "/etc/new2" : "/etc/new1", O_WRONLY | O_CREAT | O_EXCL, 0600));
  }
  EXPECT_TRUE(sys::exists(dir_ / "root/etc/new1"));
}

TEST_F(OpenBelow, FailuresLeakNothing) {
  const sys::ScopedFeature off(sys::Feature::kOpenat2, false);
  const std::size_t before = berth::testing::open_descriptors();
  for (int nth = 1;; ++nth) {
    const berth::testing::ScopedFault fault(berth::testing::ScopedFault::kAnyCall, nth, EIO);
    const bool opened = open_below(root_.get(), "/etc/passwd", O_PATH).has_value();
    EXPECT_EQ(opened, !fault.fired());
    EXPECT_EQ(berth::testing::open_descriptors(), before);
    if (!fault.fired()) break;
  }
}

}  // namespace
}  // namespace berth::os
