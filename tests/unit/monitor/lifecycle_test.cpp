// Whole lives of a monitor, in a process of its own, with containers that need no privileges: no namespaces, no mounts.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fixtures.hpp"
#include "monitor/monitor.hpp"
#include "runtime/command_client.hpp"
#include "sys/process.hpp"

namespace berth::monitor {
namespace {

using child::Op;
using child::Phase;
using child::Point;
using runtime::StatusKind;
using runtime::StatusMessage;

class LifecycleTest : public ::testing::Test {
 protected:
  LifecycleTest() {
    plan::Settings& settings = plan.plan.settings;
    settings.name = "c" + std::to_string(::getpid());
    settings.lxcpath = "/berth-test";
    settings.socket_name = runtime::command_socket_name(settings.lxcpath, settings.name);
    settings.foreground = true;
  }
  ~LifecycleTest() override {
    if (monitor > 0) {
      ::kill(monitor, SIGKILL);
      ::waitpid(monitor, nullptr, 0);
    }
  }

  void hook(Phase phase, const std::string& type, const std::string& command, std::uint32_t flags = 0) {
    plan::PlannedStep& step = plan.add(phase, Op::kHostHook);
    step.flags = flags;
    step.text[0] = command;
    step.text[1] = type;
    step.list[0] = {"/bin/sh", "-c", command};
    step.list[1] = {"PATH=/bin:/usr/bin"};
  }
  void point(Phase phase, Op op, Point which) { plan.add(phase, op).num[0] = static_cast<std::int64_t>(which); }
  void clone() { plan.add(Phase::kPrepare, Op::kClone).num[1] = -1; }
  void exec(const std::string& command) {
    plan.add(Phase::kContainer, Op::kDeathSignal).num[0] = SIGKILL;  // nothing stays when the test kills the monitor
    point(Phase::kContainer, Op::kRelease, Point::kAboutToExec);
    plan::PlannedStep& step = plan.add(Phase::kContainer, Op::kExec);
    step.num[0] = -1;
    step.list[0] = {"/bin/sh", "-c", command};
    step.list[1] = {"PATH=/bin:/usr/bin"};
  }

  void start() {
    auto [ours, theirs] = std::move(*sys::socket_pair(SOCK_SEQPACKET));
    if (started++ == 0) plan.add(Phase::kParallel, Op::kAwaitRunning);
    const child::BlobView& blob = plan.blob();
    monitor = ::fork();
    if (monitor == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ours.reset();
      Monitor life(blob, std::move(*Loop::open()), std::move(theirs), Fd());
      ::_exit(life.run());
    }
    status = std::move(ours);
  }
  StatusMessage next() {
    StatusMessage message;
    pollfd ready{status.get(), POLLIN, 0};
    if (::poll(&ready, 1, 5000) != 1 || ::recv(status.get(), &message, sizeof message, 0) != sizeof message) {
      ADD_FAILURE() << "no message of the monitor";
      ::kill(monitor, SIGKILL);
    }
    return message;
  }
  int exit_status() {
    int outcome = -1;
    ::waitpid(monitor, &outcome, 0);
    monitor = -1;
    return outcome;
  }
  runtime::CommandClient client() { return {plan.plan.settings.lxcpath, plan.plan.settings.name}; }

  test::TemporaryDirectory directory;
  test::EncodedPlan plan;
  int started = 0;
  pid_t monitor = -1;
  Fd status;
};

TEST_F(LifecycleTest, RunsAndEnds) {
  clone();
  exec("exit 7");
  start();
  const StatusMessage running = next();
  EXPECT_EQ(StatusKind::kRunning, running.kind);
  EXPECT_GT(running.value, 0);
  const StatusMessage stopped = next();
  EXPECT_EQ(StatusKind::kStopped, stopped.kind);
  EXPECT_EQ(7, WEXITSTATUS(stopped.value));
  EXPECT_EQ(0, exit_status());
}

TEST_F(LifecycleTest, StopsOnCommand) {
  plan.plan.settings.pid_file = directory.file("pid");
  clone();
  exec("exec sleep 100");
  start();
  EXPECT_EQ(StatusKind::kRunning, next().kind);
  EXPECT_EQ(runtime::State::kRunning, client().state().value());
  EXPECT_EQ(std::to_string(monitor) + "\n", test::contents(directory.file("pid")));
  const Fd stopping = std::move(*client().stop());
  const StatusMessage stopped = next();
  EXPECT_EQ(StatusKind::kStopped, stopped.kind);
  EXPECT_EQ(SIGKILL, WTERMSIG(stopped.value));
  EXPECT_EQ(0, exit_status());
  char byte;
  EXPECT_EQ(0, ::recv(stopping.get(), &byte, 1, 0)) << "closing is the proof";
  EXPECT_FALSE(sys::exists(directory.file("pid")));
  EXPECT_EQ(runtime::State::kStopped, client().state().value());
}

TEST_F(LifecycleTest, AnswersWhileAHookRuns) {
  hook(Phase::kPrepare, "pre-start", "while [ ! -e " + directory.file("go") + " ]; do sleep 0.01; done");
  clone();
  exec("exit 0");
  start();
  const auto deadline = ::time(nullptr) + 5;
  while (client().state().value() != runtime::State::kStarting && ::time(nullptr) < deadline) ::usleep(1000);
  EXPECT_EQ(runtime::State::kStarting, client().state().value());
  std::ofstream(directory.file("go")) << "";
  EXPECT_EQ(StatusKind::kRunning, next().kind);
}

TEST_F(LifecycleTest, AFailedHookStopsTheStartAndShowsItsOutput) {
  hook(Phase::kPrepare, "pre-start", "echo no such bridge >&2; exit 3");
  clone();
  exec("touch " + directory.file("ran"));
  hook(Phase::kStop, "post-stop", "touch " + directory.file("post-stop"));
  start();
  const StatusMessage failed = next();
  EXPECT_EQ(StatusKind::kFailed, failed.kind);
  EXPECT_EQ(0U, failed.failure.step);
  EXPECT_STREQ("hook", failed.failure.call);
  EXPECT_NE(nullptr, std::strstr(failed.failure.object, "exited with status 3"));
  EXPECT_STREQ("no such bridge\n", failed.failure.output);
  EXPECT_EQ(1, WEXITSTATUS(exit_status()));
  EXPECT_FALSE(sys::exists(directory.file("ran")));
  EXPECT_FALSE(sys::exists(directory.file("post-stop"))) << "nothing was prepared";
}

TEST_F(LifecycleTest, AFailureInTheContainerIsToldAndUndone) {
  const std::string marker = directory.file("made");
  ASSERT_TRUE(sys::make_directory(marker, 0755));
  plan.add(Phase::kCaller, Op::kMakeCgroup).text[0] = marker;
  plan::PlannedStep& undo = plan.add(Phase::kUndo, Op::kRemoveCgroup);
  undo.text[0] = marker;
  undo.undoes = 1;
  clone();
  plan::PlannedStep& broken = plan.add(Phase::kContainer, Op::kWorkingDirectory);
  broken.text[0] = "/proc/self/nonexistent/deep";
  exec("exit 0");
  hook(Phase::kStop, "post-stop", "echo $LXC_TARGET > " + directory.file("post-stop"));
  start();
  const StatusMessage failed = next();
  EXPECT_EQ(StatusKind::kFailed, failed.kind);
  EXPECT_EQ(3U, failed.failure.step);
  EXPECT_NE(0, failed.failure.error);
  EXPECT_EQ(1, WEXITSTATUS(exit_status()));
  EXPECT_FALSE(sys::exists(marker));
  EXPECT_EQ("stop\n", test::contents(directory.file("post-stop")));
}

TEST_F(LifecycleTest, HooksMeetTheContainerBetweenSetUpAndExec) {
  clone();
  point(Phase::kContainer, Op::kRelease, Point::kSetUp);
  point(Phase::kContainer, Op::kAwait, Point::kGo);
  exec("cat " + directory.file("start-host") + " && exit 5");
  point(Phase::kParallel, Op::kAwait, Point::kSetUp);
  hook(Phase::kParallel, "start-host", "echo $LXC_PID > " + directory.file("start-host"));
  point(Phase::kParallel, Op::kRelease, Point::kGo);
  start();
  const StatusMessage running = next();
  ASSERT_EQ(StatusKind::kRunning, running.kind);
  EXPECT_EQ(std::to_string(running.value) + "\n", test::contents(directory.file("start-host")));
  EXPECT_EQ(5, WEXITSTATUS(next().value));
}

TEST_F(LifecycleTest, AContainerKilledWhileItStartsIsAFailure) {
  clone();
  point(Phase::kContainer, Op::kAwait, Point::kGo);  // never released
  exec("exit 0");
  hook(Phase::kParallel, "start-host", "kill -9 $LXC_PID; exec sleep 100");
  start();
  const StatusMessage failed = next();
  EXPECT_EQ(StatusKind::kFailed, failed.kind);
  EXPECT_NE(nullptr, std::strstr(failed.failure.object, "killed by SIGKILL"));
  EXPECT_EQ(1, WEXITSTATUS(exit_status()));
}

TEST_F(LifecycleTest, AStopCommandEndsAStartThatHangs) {
  hook(Phase::kPrepare, "pre-start", "exec sleep 100");
  clone();
  exec("exit 0");
  start();
  const auto deadline = ::time(nullptr) + 5;
  while (!client().stop().has_value() && ::time(nullptr) < deadline) ::usleep(1000);
  const StatusMessage failed = next();
  EXPECT_EQ(StatusKind::kFailed, failed.kind);
  EXPECT_EQ(ECANCELED, failed.failure.error);
  EXPECT_EQ(1, WEXITSTATUS(exit_status()));
}

TEST_F(LifecycleTest, AForegroundContainerEndsWithItsStarter) {
  clone();
  exec("exec sleep 100");
  start();
  EXPECT_EQ(StatusKind::kRunning, next().kind);
  status.reset();
  EXPECT_EQ(0, exit_status());
}

TEST_F(LifecycleTest, ADaemonizedContainerOutlivesItsStarter) {
  plan.plan.settings.foreground = false;
  clone();
  exec("exec sleep 100");
  start();
  EXPECT_EQ(StatusKind::kRunning, next().kind);
  status.reset();
  ::usleep(50'000);
  EXPECT_EQ(runtime::State::kRunning, client().state().value());
  EXPECT_TRUE(client().stop().has_value());
  EXPECT_EQ(0, exit_status());
}

TEST_F(LifecycleTest, ASecondMonitorLeavesTheFirstAlone) {
  clone();
  exec("exec sleep 100");
  start();
  EXPECT_EQ(StatusKind::kRunning, next().kind);
  const pid_t first = monitor;
  const Fd first_status = std::move(status);
  start();
  EXPECT_EQ(StatusKind::kAlreadyRunning, next().kind);
  EXPECT_EQ(1, WEXITSTATUS(exit_status()));
  EXPECT_EQ(runtime::State::kRunning, client().state().value());
  monitor = first;
}

// A group that the starting command makes while the monitor starts, and the container that waits for it.
class GroupsMadeBeside : public LifecycleTest {
 protected:
  GroupsMadeBeside() {
    plan.plan.settings.foreground = false;
    plan.add(Phase::kBeside, Op::kMakeCgroup).text[0] = group;
    plan::PlannedStep& undo = plan.add(Phase::kUndo, Op::kRemoveCgroup);
    undo.text[0] = group;
    undo.undoes = 1;
    clone();
    point(Phase::kParallel, Op::kAwait, Point::kGroupsMade);
    point(Phase::kParallel, Op::kRelease, Point::kIdsMapped);
    point(Phase::kContainer, Op::kAwait, Point::kIdsMapped);
  }
  void say_groups_made() {
    const runtime::StarterMessage message;
    ASSERT_EQ(::send(status.get(), &message, sizeof message, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof message));
  }
  bool hears_something(int milliseconds) {
    pollfd ready{status.get(), POLLIN, 0};
    return ::poll(&ready, 1, milliseconds) == 1;
  }

  const std::string group = directory.file("group");
};

TEST_F(GroupsMadeBeside, TheContainerWaitsForThem) {
  exec("test -d " + group + " && exec sleep 100");
  start();
  EXPECT_FALSE(hears_something(50));
  ASSERT_TRUE(sys::make_directory(group, 0755));
  say_groups_made();
  EXPECT_EQ(StatusKind::kRunning, next().kind);
  status.reset();
  EXPECT_TRUE(client().stop().has_value());
  EXPECT_EQ(0, exit_status());
  EXPECT_FALSE(sys::exists(group)) << "the monitor's since it was told";
}

TEST_F(GroupsMadeBeside, AStarterThatDiesTakesTheStartWithIt) {
  exec("touch " + directory.file("ran"));
  start();
  ASSERT_TRUE(sys::make_directory(group, 0755));
  status.reset();
  EXPECT_EQ(1, WEXITSTATUS(exit_status()));
  EXPECT_FALSE(sys::exists(group));
  EXPECT_FALSE(sys::exists(directory.file("ran")));
}

TEST_F(GroupsMadeBeside, AStarterThatGivesUpHearsTheEnd) {
  exec("touch " + directory.file("ran"));
  start();
  ASSERT_EQ(::shutdown(status.get(), SHUT_WR), 0);
  const StatusMessage failed = next();
  EXPECT_EQ(StatusKind::kFailed, failed.kind);
  EXPECT_EQ(ECANCELED, failed.failure.error);
  EXPECT_EQ(1, WEXITSTATUS(exit_status()));
  EXPECT_FALSE(sys::exists(directory.file("ran")));
}

TEST_F(LifecycleTest, SignalsOfTheMonitorReachInit) {
  clone();
  exec("trap 'exit 9' USR1; while :; do sleep 0.01; done");
  start();
  EXPECT_EQ(StatusKind::kRunning, next().kind);
  ::usleep(100'000);  // until the shell has set its trap
  ::kill(monitor, SIGUSR1);
  EXPECT_EQ(9, WEXITSTATUS(next().value));
}

TEST_F(LifecycleTest, ABadConsoleLogFailsTheStartWithItsName) {
  plan.plan.settings.console_log = "/nonexistent/console.log";
  clone();
  exec("exit 0");
  start();
  const StatusMessage failed = next();
  EXPECT_EQ(StatusKind::kFailed, failed.kind);
  EXPECT_STREQ("/nonexistent/console.log", failed.failure.object);
  EXPECT_EQ(ENOENT, failed.failure.error);
}

TEST_F(LifecycleTest, AnEphemeralContainerIsDestroyedAfterItsEnd) {
  plan.plan.settings.ephemeral = true;
  plan.plan.settings.destroy_program = {"/bin/sh", "-c", "echo gone > " + directory.file("destroyed")};
  clone();
  exec("exit 0");
  start();
  EXPECT_EQ(StatusKind::kRunning, next().kind);
  EXPECT_EQ(StatusKind::kStopped, next().kind);
  EXPECT_EQ("gone\n", test::contents(directory.file("destroyed")));
}

}  // namespace
}  // namespace berth::monitor
