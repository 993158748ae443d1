#include "os/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sys/faults.hpp"
#include "os/pid_ref.hpp"
#include "sys/features.hpp"

namespace berth::os {
namespace {

using ::testing::HasSubstr;

Command shell(const std::string& script) {
  Command command;
  command.program = "sh";
  command.arguments = {"-c", script};
  command.environment = {"PATH=/usr/bin:/bin", "WHO=berth"};
  return command;
}

TEST(Command, ProgramsAreFoundWithoutRunningThem) {
  EXPECT_TRUE(has_program("true"));
  EXPECT_FALSE(has_program("no-such-program-anywhere"));
}

TEST(Command, CapturesBothStreams) {
  const Finished done = run(shell("echo out $WHO $HOME; echo err >&2; exit 3")).value();
  EXPECT_EQ(done.output, "out berth\n");
  EXPECT_EQ(done.error_output, "err\n");
  EXPECT_EQ(done.outcome(), "exit status 3");
  EXPECT_FALSE(done.succeeded());
}

TEST(Command, InputIsGivenOrEmpty) {
  EXPECT_EQ(run(shell("cat")).value().output, "");
  Command command = shell("cat");
  command.input = std::string(200'000, 'i');
  EXPECT_EQ(run(command).value().output, *command.input);
}

TEST(Command, LongOutputIsCutOffNotStuck) {
  Command command = shell("head -c 3000000 /dev/zero; echo done >&2");
  command.output_limit = 1000;
  const Finished done = run(command).value();
  EXPECT_EQ(done.output.size(), 1000U);
  EXPECT_TRUE(done.truncated);
  EXPECT_EQ(done.error_output, "done\n");
  EXPECT_TRUE(done.succeeded());
}

TEST(Command, TimeOutKillsTheWholeSession) {
  Command command = shell("sleep 1000 & echo $!; wait");
  command.timeout = std::chrono::milliseconds(150);
  const Finished done = run(command).value();
  EXPECT_TRUE(done.timed_out);
  EXPECT_EQ(done.outcome(), "timed out");
  const pid_t grandchild = static_cast<pid_t>(std::stol(done.output));
  const Result<PidRef> left = PidRef::open(grandchild);
  EXPECT_TRUE(!left || left->wait_ended(std::chrono::seconds(5)).value());
}

TEST(Command, TimeOutHoldsAgainstAFloodOfOutput) {
  Command command = shell("yes");
  command.timeout = std::chrono::milliseconds(50);
  command.output_limit = 10;
  EXPECT_TRUE(run(command).value().timed_out);
}

TEST(Command, AProgramIsOverWhenItsProcessEnds) {
  Command command = shell("sleep 1000 & echo $!");  // keeps the output open
  const Finished done = run(command).value();
  EXPECT_TRUE(done.succeeded());
  const PidRef left = PidRef::open(static_cast<pid_t>(std::stol(done.output))).value();
  EXPECT_TRUE(left.alive().value());
  ASSERT_TRUE(left.signal(SIGKILL));
}

TEST(Command, DeathBySignalIsNamed) { EXPECT_EQ(run(shell("kill -SEGV $$")).value().outcome(), "killed by SIGSEGV"); }

TEST(Command, UnknownProgramsAreNamed) {
  Command command;
  command.program = "no-such-program-here";
  const Error error = run(command).error();
  EXPECT_EQ(error.line(), "execve(no-such-program-here): No such file or directory (ENOENT)");
  EXPECT_THAT(error.because(), HasSubstr("/usr/bin"));
}

TEST(Command, CheckedFailureCarriesWhatItSaid) {
  EXPECT_TRUE(run_checked(shell("true")));
  const Error error = run_checked(shell("echo ignored; echo 'no such pool' >&2; exit 5")).error();
  EXPECT_EQ(error.line(), "sh: exit status 5");
  EXPECT_EQ(error.output(), "no such pool\n");
  EXPECT_EQ(run_checked(shell("echo only; exit 1")).error().output(), "only\n");
}

TEST(Command, FailuresLeakNeitherDescriptorsNorProcesses) {
  const int clone_call = sys::has(sys::Feature::kClone3) ? SYS_clone3 : SYS_clone;  // probed beforehand
  const Command command = shell("echo x");
  const std::size_t before = berth::testing::open_descriptors();
  for (const long call : {SYS_pipe2, clone_call, SYS_openat, SYS_ppoll, SYS_fcntl, SYS_newfstatat}) {
    for (int nth = 1; nth <= 3; ++nth) {
      const berth::testing::ScopedFault fault(call, nth, ENOMEM);
      const Result<Finished> result = run(command);
      EXPECT_TRUE(result || result.error().code() != 0);
      EXPECT_EQ(berth::testing::open_descriptors(), before) << "call " << call << ", " << nth;
      EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "call " << call << ", " << nth;
    }
  }
}

TEST(Command, APollThatFailsEndsTheProgram) {
  const berth::testing::ScopedFault fault(SYS_ppoll, 1, ENOMEM);
  EXPECT_EQ(run(shell("exec sleep 1000")).error().line(), "poll: Cannot allocate memory (ENOMEM)");
}

TEST(Command, OwnEnvironmentHasNamesAndValues) {
  ::setenv("BERTH_TEST_VARIABLE", "a=b", 1);
  EXPECT_THAT(own_environment(), ::testing::Contains("BERTH_TEST_VARIABLE=a=b"));
  ::unsetenv("BERTH_TEST_VARIABLE");
}

}  // namespace
}  // namespace berth::os
