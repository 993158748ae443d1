#include "config/mount_entry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/mount.h>

namespace berth::config {
namespace {

using ::testing::HasSubstr;

MountEntry entry(std::string_view line) {
  auto parsed = parse_mount_entry(line);
  EXPECT_TRUE(parsed) << parsed.error().line();
  return parsed ? *parsed : MountEntry{};
}

TEST(MountEntry, SplitsTheFields) {
  const MountEntry parsed = entry("proc\tproc  proc nodev,noexec,nosuid 0 0");
  EXPECT_EQ(parsed.source, "proc");
  EXPECT_EQ(parsed.target, "proc");
  EXPECT_EQ(parsed.type, "proc");
  EXPECT_EQ(parsed.options.flags, static_cast<unsigned long>(MS_NODEV | MS_NOEXEC | MS_NOSUID));
  EXPECT_EQ(parsed.options.data, "");
}

TEST(MountEntry, OptionsAndNumbersMayBeMissing) {
  EXPECT_EQ(entry("tmpfs tmp tmpfs").options.flags, 0U);
  EXPECT_EQ(entry("tmpfs tmp tmpfs ro").options.flags, static_cast<unsigned long>(MS_RDONLY));
  EXPECT_EQ(entry("tmpfs tmp tmpfs ro # note of mine").options.flags, static_cast<unsigned long>(MS_RDONLY));
  EXPECT_EQ(entry("tmpfs tmp tmpfs defaults 0 0").options.data, "");
}

TEST(MountEntry, OwnOptionsAreTakenOut) {
  const MountEntry parsed = entry("/a b none bind,create=file,optional,relative,idmap=container,size=5 0 0");
  EXPECT_EQ(parsed.options.flags, static_cast<unsigned long>(MS_BIND));
  EXPECT_EQ(parsed.create, CreateTarget::kFile);
  EXPECT_TRUE(parsed.optional);
  EXPECT_TRUE(parsed.relative);
  EXPECT_EQ(parsed.options.idmap, "container");
  EXPECT_EQ(parsed.options.data, "size=5");
  EXPECT_EQ(entry("/a b none rbind,create=dir,idmap=/proc/1/ns/user").create, CreateTarget::kDirectory);
}

TEST(MountEntry, TheRestIsDataInOrder) {
  EXPECT_EQ(entry("o m overlay lowerdir=/l,ro,upperdir=/u,workdir=/w").options.data, "lowerdir=/l,upperdir=/u,workdir=/w");
}

TEST(MountEntry, OppositesCancelAndAreRemembered) {
  const MountOptions options = entry("/a b none bind,ro,rw,exec").options;
  EXPECT_EQ(options.flags, static_cast<unsigned long>(MS_BIND));
  EXPECT_EQ(options.cleared, static_cast<unsigned long>(MS_RDONLY | MS_NOEXEC));
  EXPECT_EQ(entry("/a b none rw,ro").options.cleared, 0U);
}

TEST(MountEntry, PropagationIsApart) {
  EXPECT_EQ(entry("/a b none rbind,rshared").options.propagation, static_cast<unsigned long>(MS_SHARED | MS_REC));
  EXPECT_EQ(entry("/a b none rbind,rshared").options.flags, static_cast<unsigned long>(MS_BIND | MS_REC));
  EXPECT_EQ(entry("/a b none unbindable").options.propagation, static_cast<unsigned long>(MS_UNBINDABLE));
  EXPECT_FALSE(parse_mount_entry("/a b none shared,private"));
}

TEST(MountEntry, DecodesOctalEscapes) {
  const MountEntry parsed = entry("/my\\040dir a\\011b none bind,x=1\\0402 0 0");
  EXPECT_EQ(parsed.source, "/my dir");
  EXPECT_EQ(parsed.target, "a\tb");
  EXPECT_EQ(parsed.options.data, "x=1 2");
  EXPECT_EQ(entry("/a\\b \\ \\04 none").source, "/a\\b");
  EXPECT_EQ(entry("/a\\9 b none").source, "/a\\9");
}

TEST(MountEntry, RefusesWhatCannotBeMeant) {
  const std::string_view lines[] = {"",
                                    "a",
                                    "a b",
                                    "a b none create=pipe",
                                    "a b none create",
                                    "a b none idmap=me",
                                    "a b none idmap",
                                    "/my dir mnt none bind 0 0",
                                    "a b none bind x",
                                    "a b none bind 0 0 0",
                                    "a\\000 b none"};
  for (const std::string_view line : lines) EXPECT_FALSE(parse_mount_entry(line)) << line;
  const auto blank = parse_mount_entry("/my dir mnt none bind");
  EXPECT_EQ(blank.error().line(), "field 5 of the mount line is \"bind\"; expected a number");
  EXPECT_EQ(blank.error().hint(), "write a blank inside a path or an option as \\040");
}

TEST(Fstab, SkipsBlanksAndCommentsAndCountsLines) {
  const auto entries = parse_fstab("# c\n\nproc proc proc\n   # d\n\ttmpfs tmp tmpfs\r\n", "/fstab");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ(entries->at(0).line, 3U);
  EXPECT_EQ(entries->at(1).line, 5U);
  EXPECT_EQ(entries->at(1).type, "tmpfs");
}

TEST(Fstab, ErrorsNameFileAndLine) {
  const auto entries = parse_fstab("proc proc proc\nbroken\n", "/fstab");
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().origin().file, "/fstab");
  EXPECT_EQ(entries.error().origin().line, 2U);
  EXPECT_EQ(entries.error().origin().text, "broken");
}

TEST(RootfsOptions, TakeMountOptionsOnly) {
  const auto options = parse_rootfs_options("ro,noatime,idmap=container,subvol=x,rslave");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->flags, static_cast<unsigned long>(MS_RDONLY | MS_NOATIME));
  EXPECT_EQ(options->idmap, "container");
  EXPECT_EQ(options->data, "subvol=x");
  EXPECT_EQ(options->propagation, static_cast<unsigned long>(MS_SLAVE | MS_REC));
  for (const std::string_view text : {"optional", "relative", "create=dir", "create=x", "ro,optional"}) {
    const auto refused = parse_rootfs_options(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().line(), HasSubstr("not for a root file system"));
  }
}

}  // namespace
}  // namespace berth::config
