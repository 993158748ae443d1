#include "sys/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "faults.hpp"
#include "sys/replacement.hpp"

namespace berth::sys {
namespace {

using berth::testing::open_descriptors;
using berth::testing::ScopedFault;
using berth::testing::TemporaryDirectory;

TEST(File, OpensCloseOnExecAlways) {
  const Fd fd = open("/dev/null", O_RDONLY).value();
  EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(open_at2(AT_FDCWD, "/dev/null", O_RDONLY, 0, 0).value().get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(memfd("x", 0).value().get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(duplicate(fd.get(), 20).value().get(), F_GETFD), FD_CLOEXEC);
}

TEST(File, FailuresNameCallAndPath) {
  EXPECT_EQ(open("/nowhere/x", O_RDONLY).error().line(), "open(/nowhere/x): No such file or directory (ENOENT)");
  EXPECT_EQ(open_at2(AT_FDCWD, "/nowhere/x", O_RDONLY, 0, 0).error().line(),
            "openat2(/nowhere/x): No such file or directory (ENOENT)");
  EXPECT_EQ(rename("/nowhere/x", "/y").error().line(), "rename(/nowhere/x -> /y): No such file or directory (ENOENT)");
  EXPECT_EQ(stat("/nowhere").error().line(), "stat(/nowhere): No such file or directory (ENOENT)");
  EXPECT_EQ(remove_directory("/nowhere").error().line(), "rmdir(/nowhere): No such file or directory (ENOENT)");
}

TEST(File, WholeFilesOfAnySize) {
  const TemporaryDirectory dir;
  for (const std::size_t size : {0UL, 1UL, 4095UL, 4096UL, 4097UL, 3'000'001UL}) {
    std::string data(size, 'x');
    if (size > 0) data.back() = 'y';
    ASSERT_TRUE(replace_file(dir / "file", data));
    EXPECT_EQ(read_file(dir / "file").value(), data);
  }
  EXPECT_EQ(list_directory(dir.path()).value().size(), 1U);  // nothing left beside it
}

TEST(File, WhatAKilledReplacementLeavesIsKnownByItsName) {
  const TemporaryDirectory dir;
  {
    const raw::ScopedDispatch killed(+[](long number, long a, long b, long c, long d, long e, long f) {
      return number == SYS_renameat2 || number == SYS_unlinkat ? -EIO : raw::kernel(number, a, b, c, d, e, f);
    });
    ASSERT_FALSE(replace_file(dir / "file", "new"));
  }
  const auto left = list_directory(dir.path()).value();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_TRUE(is_replacement_of(left.front().name, "file")) << left.front().name;
  EXPECT_FALSE(is_replacement_of(left.front().name, "fil"));
  for (const char* name : {"file", "file.", "file.abcdefghi", "file.abcdefghijk", "file.Abcdefghij", "file.abcdefghi1",
                           "file-abcdefghij", "x.abcdefghij"})
    EXPECT_FALSE(is_replacement_of(name, "file")) << name;
}

TEST(File, ReplaceRemovesItsCopyWhenItFails) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(replace_file(dir / "file", "old"));
  for (const long call : {SYS_write, SYS_fsync, SYS_renameat2}) {
    const std::size_t before = open_descriptors();
    {
      const ScopedFault fault(call, 1, ENOSPC);
      const Status result = replace_file(dir / "file", "new");
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code(), ENOSPC);
    }
    EXPECT_EQ(read_file(dir / "file").value(), "old");
    EXPECT_EQ(list_directory(dir.path()).value().size(), 1U);
    EXPECT_EQ(open_descriptors(), before);
  }
}

TEST(File, InterruptedCallsAreRepeated) {
  for (const long call : {SYS_openat, SYS_read}) {
    const ScopedFault fault(call, 1, EINTR);
    EXPECT_TRUE(read_file("/proc/self/status"));
    EXPECT_TRUE(ScopedFault::fired());
  }
  const ScopedFault fault(SYS_openat2, 1, EAGAIN);
  EXPECT_TRUE(open_at2(AT_FDCWD, "/", O_PATH, 0, 0)) << "a rename that raced with the walk";
}

TEST(File, AttributeErrorsShowTheDatum) {
  const TemporaryDirectory dir;
  EXPECT_EQ(write_attribute(dir / "memory.max", "12x\n").error().line(),
            "open(" + dir.path() + "/memory.max <- \"12x\"): No such file or directory (ENOENT)");
  ASSERT_TRUE(replace_file(dir / "memory.max", ""));
  const ScopedFault fault(SYS_write, 1, EINVAL);
  EXPECT_EQ(write_attribute(dir / "memory.max", "1\n2").error().line(),
            "write(" + dir.path() + "/memory.max <- \"1\\n2\"): Invalid argument (EINVAL)");
}

TEST(File, AttributesAreWrittenInOneCallWithoutTruncation) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(replace_file(dir / "a", "12345"));
  ASSERT_TRUE(write_attribute(dir / "a", "ab"));
  EXPECT_EQ(read_file(dir / "a").value(), "ab345");
}

TEST(File, EnsureDirectoryMakesAllLevels) {
  const TemporaryDirectory dir;
  EXPECT_TRUE(ensure_directory(dir / "a/b/c/", 0700));
  EXPECT_TRUE(ensure_directory(dir / "a/b/c", 0755));
  EXPECT_EQ(stat(dir / "a/b/c").value().st_mode & 07777U, 0700U);
  ASSERT_TRUE(replace_file(dir / "file", ""));
  EXPECT_EQ(ensure_directory(dir / "file", 0700).error().code(), ENOTDIR);
  EXPECT_EQ(ensure_directory(dir / "file/x", 0700).error().code(), ENOTDIR);
}

TEST(File, ListsWithoutDots) {
  const TemporaryDirectory dir;
  for (int i = 0; i < 700; ++i)
    ASSERT_TRUE(open(dir / ("entry-with-a-longer-name-" + std::to_string(i)), O_CREAT | O_WRONLY, 0600));
  ASSERT_TRUE(make_directory(dir / "sub", 0700));
  const auto entries = list_directory(dir.path()).value();
  EXPECT_EQ(entries.size(), 701U);
  EXPECT_EQ(std::count_if(entries.begin(), entries.end(), [](const auto& e) { return e.name == "sub"; }), 1);
  EXPECT_EQ(std::count_if(entries.begin(), entries.end(), [](const auto& e) { return e.name.starts_with('.'); }), 0);
}

TEST(File, LinksOfAnyLength) {
  const TemporaryDirectory dir;
  for (const std::size_t size : {1UL, 255UL, 256UL, 257UL, 3000UL}) {
    const std::string target(size, 't');
    ASSERT_TRUE(symlink(target, dir / "link"));
    EXPECT_EQ(read_link(dir / "link").value(), target);
    EXPECT_TRUE(S_ISLNK(stat_link(dir / "link").value().st_mode));
    EXPECT_FALSE(exists(dir / "link"));
    ASSERT_TRUE(unlink(dir / "link"));
  }
}

TEST(File, SealedMemoryRefusesWrites) {
  const Fd fd = memfd("plan", 2 /* MFD_ALLOW_SEALING */).value();
  ASSERT_TRUE(write_all(fd.get(), "data", "plan"));
  ASSERT_TRUE(seal(fd.get()));
  EXPECT_EQ(write_all(fd.get(), "more", "plan").error().line(), "write(plan): Operation not permitted (EPERM)");
  ASSERT_TRUE(rewind(fd.get()));
  EXPECT_EQ(read_all(fd.get(), "plan").value(), "data");
}

TEST(File, LockIsOfTheDescriptionNotOfTheProcess) {
  const TemporaryDirectory dir;
  const Fd first = open(dir / "lock", O_RDWR | O_CREAT, 0600).value();
  Fd second = open(dir / "lock", O_RDWR).value();
  ASSERT_TRUE(lock_file(first.get(), false, "lock"));
  EXPECT_EQ(lock_file(second.get(), false, "lock").error().code(), EAGAIN);
}

TEST(File, LockFallsBackToFlock) {
  const TemporaryDirectory dir;
  const Fd first = open(dir / "lock", O_RDWR | O_CREAT, 0600).value();
  const Fd second = open(dir / "lock", O_RDWR).value();
  {
    const ScopedFault fault(SYS_fcntl, 1, EINVAL);
    ASSERT_TRUE(lock_file(first.get(), false, "lock"));
  }
  const ScopedFault fault(SYS_fcntl, 1, EINVAL);
  EXPECT_EQ(lock_file(second.get(), false, "lock").error().code(), EAGAIN);
}

TEST(File, AFailureAnywhereLeaksNoDescriptor) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(replace_file(dir / "file", "text"));
  const std::size_t before = open_descriptors();
  for (int nth = 1;; ++nth) {
    const ScopedFault fault(ScopedFault::kAnyCall, nth, EIO);
    const bool all = read_file(dir / "file") && list_directory(dir.path()) && write_attribute(dir / "file", "x") && memfd("x", 0);
    EXPECT_EQ(all, !ScopedFault::fired()) << "call " << nth;
    EXPECT_EQ(open_descriptors(), before) << "call " << nth;
    if (!ScopedFault::fired()) break;
  }
}

}  // namespace
}  // namespace berth::sys
