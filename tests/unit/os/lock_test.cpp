#include "os/lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "../sys/faults.hpp"
#include "os/rundir.hpp"
#include "sys/file.hpp"

namespace berth::os {
namespace {

using berth::testing::open_descriptors;
using berth::testing::ScopedFault;
using berth::testing::TemporaryDirectory;

TEST(Lock, ExcludesWithinOneProcessToo) {
  const TemporaryDirectory dir;
  const FileLock held = FileLock::acquire(dir / "lock").value();
  EXPECT_FALSE(FileLock::try_acquire(dir / "lock").value().has_value());
  EXPECT_FALSE(FileLock::acquire_within(dir / "lock", std::chrono::milliseconds(5)).value().has_value());
  EXPECT_EQ(sys::stat(dir / "lock").value().st_mode & 07777U, 0600U);
}

TEST(Lock, GoesWithItsOwner) {
  const TemporaryDirectory dir;
  {
    const FileLock held = FileLock::acquire(dir / "lock").value();
  }
  EXPECT_TRUE(FileLock::try_acquire(dir / "lock").value().has_value());
}

TEST(Lock, WaitersGetItWhenItIsFree) {
  const TemporaryDirectory dir;
  std::optional<FileLock> held = FileLock::acquire(dir / "lock").value();
  std::thread releaser([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    held.reset();
  });
  EXPECT_TRUE(FileLock::acquire_within(dir / "lock", std::chrono::seconds(20)).value().has_value());
  releaser.join();
}

TEST(Lock, LinksAreNotFollowed) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(sys::symlink(dir / "victim", dir / "lock"));
  EXPECT_EQ(FileLock::acquire(dir / "lock").error().code(), ELOOP);
  EXPECT_FALSE(sys::exists(dir / "victim"));
}

TEST(Lock, RefusalsAreToldAndLeakNothing) {
  const TemporaryDirectory dir;
  const std::size_t before = open_descriptors();
  for (const long call : {SYS_openat, SYS_fcntl}) {
    const ScopedFault fault(call, 1, ENOLCK);
    const auto result = FileLock::try_acquire(dir / "lock");
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().line(), ::testing::HasSubstr(dir / "lock): No locks available (ENOLCK)"));
    EXPECT_EQ(open_descriptors(), before);
  }
}

TEST(ContainerLock, IsWhereLxcHasIt) {
  const TemporaryDirectory run;
  EXPECT_EQ(ensure_container_lock_file(run.path(), "/var/lib/lxc/", "web1").value(), run / "lxc/lock/var/lib/lxc/.web1");
  EXPECT_EQ(sys::stat(run / "lxc/lock/var/lib/lxc").value().st_mode & 07777U, 0700U);
}

TEST(ContainerLock, PlantedLinksAreRefused) {
  const TemporaryDirectory run;
  ASSERT_TRUE(sys::make_directory(run / "lxc", 0700));
  ASSERT_TRUE(sys::make_directory(run / "elsewhere", 0700));
  ASSERT_TRUE(sys::symlink(run / "elsewhere", run / "lxc/lock"));
  const Result<std::string> result = ensure_container_lock_file(run.path(), "/x", "c");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().line(),
            "making the directory of the container's lock: open(" + run.path() + "/lxc/lock): Not a directory (ENOTDIR)");
  EXPECT_TRUE(sys::list_directory(run / "elsewhere").value().empty());
}

TEST(ContainerLock, DirectoriesOfOthersAreRefused) {
  const TemporaryDirectory run;
  ASSERT_TRUE(sys::make_directory(run / "lxc", 0700));
  ASSERT_TRUE(sys::chmod(run / "lxc", 0777));
  const Result<std::string> result = ensure_container_lock_file(run.path(), "/x", "c");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), EPERM);
  EXPECT_EQ(result.error().because(), "other users may write to that directory");
  EXPECT_NE(result.error().hint(), "");
}

TEST(ContainerLock, DotsDoNotLeaveTheDirectory) {
  const TemporaryDirectory run;
  EXPECT_EQ(ensure_container_lock_file(run.path(), "/a/../../b", "c").error().code(), EINVAL);
}

TEST(RunDirectory, Rule) {
  EXPECT_EQ(choose_run_directory({true, "/run/user/0", "/root"}).value(), "/run");
  EXPECT_EQ(choose_run_directory({false, "/run/user/7", "/home/u"}).value(), "/run/user/7");
  EXPECT_EQ(choose_run_directory({false, std::nullopt, "/home/u"}).value(), "/home/u/.cache/lxc/run");
  const Error error = choose_run_directory({}).error();
  EXPECT_EQ(error.line(), "no directory for run-time files: neither XDG_RUNTIME_DIR nor HOME is set");
  EXPECT_NE(error.hint(), "");
}

}  // namespace
}  // namespace berth::os
