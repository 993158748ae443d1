#include "sys/process.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "faults.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"

namespace berth::sys {
namespace {

using berth::testing::ScopedFault;

// A child that only exits; raw calls, as the contract of clone demands.
Cloned exiting_child(int status) {
  Cloned child = clone(0).value();
  if (child.pid == 0) (void)raw::call(SYS_exit_group, status);
  return child;
}

Cloned sleeping_child() {
  Cloned child = clone(0).value();
  if (child.pid == 0) {
    for (;;) (void)raw::call(SYS_pause);
  }
  return child;
}

TEST(Process, StatusComesInWaitForm) {
  const Cloned child = exiting_child(42);
  const int status = wait_pidfd(child.pidfd.get()).value();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
  const ScopedFault fault(SYS_ioctl, 1, ENOTTY);  // a kernel that does not keep what it has told
  EXPECT_EQ(wait_pidfd(child.pidfd.get()).error().line(), "waitid(pidfd): No child processes (ECHILD)");
}

TEST(Process, SignalsThroughThePidfd) {
  const Cloned child = sleeping_child();
  EXPECT_EQ(try_wait_pidfd(child.pidfd.get()).value(), std::nullopt);
  ASSERT_TRUE(send_signal(child.pidfd.get(), SIGKILL));
  const int status = wait_pidfd(child.pidfd.get()).value();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(send_signal(child.pidfd.get(), SIGKILL).error().code(), ESRCH);
}

TEST(Process, WaitByNumber) {
  const Cloned child = exiting_child(1);
  EXPECT_EQ(WEXITSTATUS(wait_pid(child.pid).value()), 1);
}

TEST(Process, CloneWithoutClone3FallsBack) {
  const ScopedFeature off(Feature::kClone3, false);
  const Cloned child = exiting_child(7);
  EXPECT_TRUE(child.pidfd.valid());
  EXPECT_EQ(WEXITSTATUS(wait_pidfd(child.pidfd.get()).value()), 7);
}

TEST(Process, CloneWithoutClone3SaysWhatItCannotDo) {
  const ScopedFeature off(Feature::kClone3, false);
  const Result<Cloned> result = clone(0, 3);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().line(), "clone3: Function not implemented (ENOSYS)");
  EXPECT_NE(result.error().because().find("5.3"), std::string::npos);
}

TEST(Process, FailuresNameCallAndObject) {
  EXPECT_EQ(unshare(-1, "everything").error().line(), "unshare(everything): Invalid argument (EINVAL)");
  EXPECT_EQ(set_namespace(-1, 0, "/proc/1/ns/net").error().line(), "setns(/proc/1/ns/net): Bad file descriptor (EBADF)");
  EXPECT_EQ(open_pidfd(0).error().line(), "pidfd_open(pid 0): Invalid argument (EINVAL)");
  EXPECT_EQ(set_process_limit(0, 999, 1, 2).error().line(), "prlimit(pid 0, resource 999 <- 1:2): Invalid argument (EINVAL)");
  const ScopedFeature on(Feature::kClone3, true);
  const ScopedFault fault(SYS_clone3, 1, EPERM);
  EXPECT_EQ(clone(CLONE_NEWNET).error().line(), "clone3: Operation not permitted (EPERM)");
}

TEST(Process, SignalDescriptorDelivers) {
  sigset_t mask;
  sigset_t before;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, SIGUSR1);
  ::sigprocmask(SIG_SETMASK, nullptr, &before);
  ASSERT_TRUE(block_signals(mask));
  const Fd fd = signal_fd(mask).value();
  ASSERT_TRUE(kill(current_pid(), SIGUSR1));
  char info[128];
  EXPECT_EQ(read_some(fd.get(), info, "signals").value(), sizeof info);
  EXPECT_EQ(read_some(fd.get(), info, "signals").error().code(), EAGAIN);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace berth::sys
