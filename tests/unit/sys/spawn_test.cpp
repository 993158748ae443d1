#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>

#include "base/strings.hpp"
#include "faults.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::sys {
namespace {

using berth::testing::open_descriptors;
using berth::testing::ScopedFault;
using ::testing::HasSubstr;

struct Ran {
  int status = 0;
  std::string output;
};

// Runs a shell script through spawn with its output captured as descriptor 1.
Result<Ran> run_script(const std::string& script, Spawn spawn = {}) {
  auto [read_end, write_end] = TRY(make_pipe());
  const Fd program = TRY(open("/bin/sh", O_RDONLY));
  spawn.program_fd = program.get();
  spawn.arguments = {"sh", "-c", script};
  spawn.environment = {"PATH=/usr/bin:/bin", "WHO=berth"};
  spawn.descriptors.emplace_back(write_end.get(), 1);
  const Cloned child = TRY(sys::spawn(spawn));
  write_end.reset();
  Ran ran;
  ran.output = TRY(read_all(read_end.get(), "pipe"));
  ran.status = TRY(wait_pidfd(child.pidfd.get()));
  return ran;
}

TEST(Spawn, PassesArgumentsAndEnvironment) {
  const Ran ran = run_script("echo $0 $WHO $HOME; exit 3").value();
  EXPECT_EQ(ran.output, "sh berth\n");
  EXPECT_EQ(WEXITSTATUS(ran.status), 3);
}

TEST(Spawn, OnlyTheGivenDescriptorsAreOpen) {
  const Fd leaked(::open("/dev/null", O_RDONLY));  // without CLOEXEC on purpose
  EXPECT_EQ(run_script("cd /proc/self/fd; echo [0-9]*").value().output,
            "0 1\n");  // 0: the shell's own, for the directory listing
}

TEST(Spawn, WithoutCloseRangeNothingLeaksEither) {
  const Fd leaked(::open("/dev/null", O_RDONLY));  // without CLOEXEC on purpose
  const ScopedFault fault(SYS_close_range, 1, ENOSYS);
  EXPECT_EQ(run_script("cd /proc/self/fd; echo [0-9]*").value().output, "0 1\n");
}

TEST(Spawn, NumbersMayOverlap) {
  const Fd a = memfd("a", 0).value();
  const Fd b = memfd("b", 0).value();
  ASSERT_TRUE(write_all(a.get(), "a", "a"));
  ASSERT_TRUE(write_all(b.get(), "b", "b"));
  ASSERT_TRUE(rewind(a.get()));
  ASSERT_TRUE(rewind(b.get()));
  Spawn spawn;
  spawn.descriptors = {{a.get(), b.get()}, {b.get(), a.get()}};  // each takes the other's number
  const std::string script = strings::cat("cat <&", b.get(), "; cat <&", a.get());
  EXPECT_EQ(run_script(script, spawn).value().output, "ab");
}

TEST(Spawn, OneDescriptorMayBecomeSeveral) {
  const Fd file = memfd("x", 0).value();
  Spawn spawn;
  spawn.descriptors = {{file.get(), 5}, {file.get(), 9}};
  EXPECT_EQ(run_script("echo five >&5; echo nine >&9", spawn).value().output, "");
  ASSERT_TRUE(rewind(file.get()));
  EXPECT_EQ(read_all(file.get(), "x").value(), "five\nnine\n");
}

TEST(Spawn, SignalsStartFresh) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t mask;
  sigset_t before;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &mask, &before);
  const std::string output = run_script("grep -E 'Sig(Blk|Ign)' /proc/self/status").value().output;
  EXPECT_EQ(output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  sigset_t after;
  ::sigprocmask(SIG_SETMASK, &before, &after);
  EXPECT_TRUE(::sigismember(&after, SIGTERM)) << "the caller's mask is as it was";
  EXPECT_FALSE(::sigismember(&after, SIGINT));
  ::signal(SIGPIPE, SIG_DFL);
}

TEST(Spawn, SessionOnlyWhenAsked) {
  constexpr const char* kScript = "read -r line < /proc/self/stat; set -- $line; echo $1 $6";
  const auto session = [&](bool own) {
    Spawn spawn;
    spawn.new_session = own;
    const std::string output = run_script(kScript, spawn).value().output;
    const auto words = strings::split_words(output);
    return words.size() == 2 && words[0] == words[1];
  };
  EXPECT_TRUE(session(true));
  EXPECT_FALSE(session(false));
}

TEST(Spawn, ScriptsRunByPath) {
  const berth::testing::TemporaryDirectory dir;
  ASSERT_TRUE(replace_file(dir / "script", "#!/bin/sh\nexit 5\n", 0755));
  Spawn spawn;
  spawn.program_path = dir / "script";
  spawn.arguments = {"script"};
  const Cloned child = sys::spawn(spawn).value();
  EXPECT_EQ(WEXITSTATUS(wait_pidfd(child.pidfd.get()).value()), 5);
}

TEST(Spawn, ExecFailureIsTheCallersError) {
  const std::size_t before = open_descriptors();
  Spawn spawn;
  spawn.program_path = "/nowhere/program";
  spawn.arguments = {"program"};
  EXPECT_EQ(sys::spawn(spawn).error().line(), "execveat(/nowhere/program): No such file or directory (ENOENT)");
  const berth::testing::TemporaryDirectory dir;
  ASSERT_TRUE(replace_file(dir / "file", "#!/bin/sh\n", 0600));
  const Fd file = open(dir / "file", O_RDONLY).value();
  spawn.program_fd = file.get();
  EXPECT_EQ(sys::spawn(spawn).error().line(), "execveat(program): Permission denied (EACCES)");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "the failed child is reaped";
  EXPECT_EQ(open_descriptors(), before + 1);
}

TEST(Spawn, BadDescriptorsAreRefusedBeforeAnythingStarts) {
  Spawn spawn;
  spawn.program_path = "/bin/true";
  spawn.descriptors = {{0, 4}, {1, 4}};
  EXPECT_EQ(sys::spawn(spawn).error().line(), "descriptor number 4 of a new program is out of range or given twice");
  spawn.descriptors = {{0, -1}};
  EXPECT_FALSE(sys::spawn(spawn));
  spawn.descriptors = {{9999, 0}};
  EXPECT_EQ(sys::spawn(spawn).error().line(), "dup3(/bin/true): Bad file descriptor (EBADF)");
}

TEST(Spawn, AFailureAnywhereIsToldAndLeaksNothing) {
  const int clone_call = has(Feature::kClone3) ? SYS_clone3 : SYS_clone;  // probed beforehand: a probe must not be what fails
  Spawn spawn;
  spawn.program_path = "/bin/true";
  spawn.arguments = {"true"};
  spawn.descriptors = {{0, 0}, {1, 1}, {2, 2}};
  spawn.new_session = true;
  const std::size_t before = open_descriptors();
  for (const long call : {SYS_pipe2, clone_call, SYS_fcntl, SYS_dup3, SYS_setsid, SYS_execveat}) {
    const ScopedFault fault(call, 1, EMFILE);
    const Result<Cloned> child = sys::spawn(spawn);
    ASSERT_FALSE(child) << "call " << call;
    EXPECT_EQ(child.error().code(), EMFILE);
    EXPECT_EQ(open_descriptors(), before) << "call " << call;
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "call " << call;
  }
}

// --- programs that a container may see ----------------------------------------------------------------------------------

class SafeProgram : public ::testing::TestWithParam<bool> {};

TEST_P(SafeProgram, RunsAndCannotBeWrittenThroughProc) {
  const ScopedFeature mounts(Feature::kNewMountApi, GetParam() && has(Feature::kNewMountApi));
  auto [input, keep_alive] = make_pipe().value();
  const berth::testing::TemporaryDirectory dir;
  ASSERT_TRUE(replace_file(dir / "cat", read_file("/bin/cat").value(), 0755));  // nobody else runs this one: no ETXTBSY of theirs
  const Fd program = open_program_safely(dir / "cat").value();
  const Fd null = open("/dev/null", O_WRONLY).value();
  Spawn spawn;
  spawn.program_fd = program.get();
  spawn.arguments = {"cat"};
  spawn.descriptors = {{input.get(), 0}, {null.get(), 1}};
  const Cloned child = sys::spawn(spawn).value();
  const std::string exe = strings::cat("/proc/", child.pid, "/exe");
  const int running = open(exe, O_RDWR).error().code();
  EXPECT_TRUE(running == ETXTBSY || running == EROFS) << running;
  const Fd held = open(exe, O_RDONLY).value();
  keep_alive.reset();
  EXPECT_EQ(wait_pidfd(child.pidfd.get()).value(), 0);
  // The trick of CVE-2019-5736: wait until the program has ended, then open it for writing through a descriptor kept open.
  const Result<Fd> late = open(strings::cat("/proc/self/fd/", held.get()), O_RDWR);
  if (!late)
    EXPECT_THAT(late.error().line(), ::testing::AnyOf(HasSubstr("EROFS"), HasSubstr("EACCES")));
  else
    EXPECT_EQ(write_all(late->get(), "x", "program").error().code(), EPERM);
}
INSTANTIATE_TEST_SUITE_P(ByMountAndByCopy, SafeProgram, ::testing::Bool());

TEST(SafeProgramFallback, ARefusedMountBecomesASealedCopy) {
  for (const int refusal : {EPERM, ENOSYS}) {
    const ScopedFault fault(SYS_open_tree, 1, refusal);
    const Fd program = open_program_safely("/bin/true").value();
    EXPECT_NE(::fcntl(program.get(), F_GET_SEALS) & F_SEAL_WRITE, 0);
  }
}

TEST(SafeProgramFallback, AMissingProgramIsNamed) {
  EXPECT_THAT(open_program_safely("/nowhere/x").error().line(), HasSubstr("(/nowhere/x): No such file or directory (ENOENT)"));
}

TEST(SafeProgramFallback, FailuresLeakNothing) {
  const ScopedFeature off(Feature::kNewMountApi, false);
  const std::size_t before = open_descriptors();
  for (const long call : {SYS_openat, SYS_memfd_create, SYS_sendfile, SYS_fcntl}) {
    const ScopedFault fault(call, 1, EIO);
    EXPECT_EQ(open_program_safely("/bin/true").error().code(), EIO);
    EXPECT_EQ(open_descriptors(), before);
  }
}

// --- callers with habits of their own about children
// ------------------------------------------------------------------------------

// What the test does with SIGCHLD, undone in the end.
class ChildSignal {
 public:
  explicit ChildSignal(void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    ::sigaction(SIGCHLD, &action, &before_);
  }
  ChildSignal(const ChildSignal&) = delete;
  ChildSignal& operator=(const ChildSignal&) = delete;
  ~ChildSignal() { ::sigaction(SIGCHLD, &before_, nullptr); }

 private:
  struct sigaction before_{};
};

volatile sig_atomic_t heard = 0;
volatile sig_atomic_t taken = 0;
void take_everybody(int) {
  const int error = errno;
  heard = heard + 1;
  while (::waitpid(-1, nullptr, WNOHANG) > 0) taken = taken + 1;
  errno = error;
}

Spawn detached() {
  Spawn spawn;
  spawn.detached = true;
  return spawn;
}

// Its status is not ours to know: the script says all there is.
Result<std::string> run_detached(const std::string& script) {
  auto [read_end, write_end] = TRY(make_pipe());
  Spawn spawn = detached();
  spawn.program_path = "/bin/sh";
  spawn.arguments = {"sh", "-c", script};
  spawn.descriptors = {{write_end.get(), 1}};
  const Cloned started = TRY(sys::spawn(std::move(spawn)));
  write_end.reset();
  std::string text = TRY(read_all(read_end.get(), "pipe"));
  await_exit(started.pidfd.get());
  return text;
}

TEST(Detached, IsNoChildOfTheCaller) {
  heard = 0;
  const ChildSignal handler(take_everybody);
  const std::string parent = run_detached("read -r line < /proc/self/stat; set -- $line; echo $4").value();
  EXPECT_NE(parent, strings::cat(::getpid(), "\n"));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(errno, ECHILD) << "nothing is left to wait for";
  EXPECT_EQ(heard, 0) << "the caller hears of no child's end";
}

TEST(Detached, HasAPidfdAndAnswersSignals) {
  Spawn spawn = detached();
  spawn.program_path = "/bin/sh";
  spawn.arguments = {"sh", "-c", "exec sleep 100"};
  const Cloned started = sys::spawn(std::move(spawn)).value();
  EXPECT_EQ(::kill(started.pid, 0), 0);
  EXPECT_FALSE(try_wait_pidfd(started.pidfd.get()).value()) << "it lives";
  ASSERT_TRUE(send_signal(started.pidfd.get(), SIGKILL));
  await_exit(started.pidfd.get());
}

TEST(Detached, FailuresAreToldAndLeaveNothing) {
  const std::size_t before = open_descriptors();
  Spawn spawn = detached();
  spawn.program_path = "/nonexistent/program";
  spawn.arguments = {"program"};
  const auto started = sys::spawn(std::move(spawn));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), ENOENT);
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG | __WALL), -1);
}

TEST(Detached, WithoutCommonMemoryToo) {
  const ScopedFault fault(SYS_clone3, 1000, EPERM);  // never fires: only that the calls go another way
  EXPECT_EQ(run_detached("echo here").value(), "here\n");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG | __WALL), -1);
}

TEST(Detached, ARefusedCloneIsTheError) {
  ASSERT_TRUE(run_detached("true"));  // what the kernel can do is asked by a clone3 too, once
  for (const int nth : {1, 2}) {
    const std::size_t before = open_descriptors();
    const ScopedFault fault(SYS_clone3, nth, EAGAIN);
    const auto text = run_detached("echo here");
    // The second one is made in a process of its own, whose count of calls begins with ours.
    ASSERT_FALSE(text) << nth;
    EXPECT_EQ(text.error().code(), EAGAIN) << nth;
    EXPECT_EQ(open_descriptors(), before) << nth;
  }
}

TEST(Detached, WorksForCallersThatIgnoreOrTakeEveryChild) {
  for (const auto handler : {SIG_IGN, static_cast<void (*)(int)>(take_everybody)}) {
    const ChildSignal scope(handler);
    EXPECT_EQ(run_detached("echo here").value(), "here\n");
  }
}

// Whether the kernel keeps the status of a process that has been waited for.
bool keeps_status() {
  utsname name{};
  ::uname(&name);
  int major = 0, minor = 0;
  if (std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 6 || (major == 6 && minor >= 15);
}

TEST(Wait, AStatusThatTheCallersHandlingTookIsStillKnown) {
  for (const auto handler : {SIG_IGN, static_cast<void (*)(int)>(take_everybody)}) {
    const ChildSignal scope(handler);
    const auto ran = run_script("sleep 0.1; exit 7");
    if (keeps_status()) {
      ASSERT_TRUE(ran) << ran.error().line();
      EXPECT_EQ(WEXITSTATUS(ran->status), 7);
    } else if (!ran) {
      EXPECT_EQ(ran.error().code(), ECHILD);
    }
  }
}

TEST(Wait, AStatusThatNobodyKeptIsAnError) {
  const ChildSignal scope(SIG_IGN);
  const ScopedFault fault(SYS_ioctl, 1, ENOTTY);  // as kernels before 6.13 answer
  const auto ran = run_script("exit 7");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ECHILD);
  EXPECT_EQ(ran.error().operation(), "waitid");
}

TEST(Wait, FailedExecsAreToldWhateverHappensToChildren) {
  for (const auto handler : {SIG_IGN, static_cast<void (*)(int)>(take_everybody)}) {
    const ChildSignal scope(handler);
    Spawn spawn;
    spawn.program_path = "/nonexistent/program";
    spawn.arguments = {"program"};
    const auto started = sys::spawn(std::move(spawn));
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code(), ENOENT);
  }
}

}  // namespace
}  // namespace berth::sys
