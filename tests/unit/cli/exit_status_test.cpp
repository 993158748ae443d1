// Exit statuses and messages of whole commands, against a monitor of the test's own.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "../runtime/fake_monitor.hpp"
#include "cli/commands.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

using runtime::Command;
using testing::Answer;

struct Ran {
  int status;
  std::string output, error;
};

Ran run(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  const int status = dispatch(static_cast<int>(words.size()), argv.data());
  std::string output = ::testing::internal::GetCapturedStdout();
  return {status, std::move(output), ::testing::internal::GetCapturedStderr()};
}

class ExitStatusTest : public ::testing::Test {
 protected:
  std::string lxcpath;

  void SetUp() override {
    char name[] = "/tmp/berth-unit.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    lxcpath = name;
    std::filesystem::create_directory(lxcpath + "/c1");
    ASSERT_TRUE(sys::replace_file(lxcpath + "/c1/config", "lxc.uts.name = c1\nlxc.start.auto = 1\nlxc.group = g\n"));
  }
  void TearDown() override { std::filesystem::remove_all(lxcpath); }

  Ran lxc(std::string command, std::vector<std::string> words) const {
    words.insert(words.begin(), {"lxc-" + command, "-P", lxcpath});
    return run(std::move(words));
  }
};

Answer running(Command command, std::int64_t, const std::string&) {
  if (command == Command::kGetState) return {.scalar = static_cast<int>(runtime::State::kRunning)};
  if (command == Command::kGetInitPid) return {.scalar = 999999999};  // no such process
  return {.result = -ENOSYS};
}

TEST_F(ExitStatusTest, NoSuchContainer) {
  for (const char* command : {"start", "info", "freeze", "unfreeze", "console", "attach"}) {
    const Ran ran = lxc(command, {"absent"});
    EXPECT_EQ(ran.status, 1) << command;
    EXPECT_NE(ran.error.find("no such container"), std::string::npos) << ran.error;
    EXPECT_NE(ran.error.find(lxcpath), std::string::npos) << ran.error;
    EXPECT_NE(ran.error.find("lxc-ls"), std::string::npos) << ran.error;
  }
  EXPECT_FALSE(sys::exists(lxcpath + "/absent"));
}

TEST_F(ExitStatusTest, StopOfWhatDoesNotRunIsTwo) {
  EXPECT_EQ(lxc("stop", {"c1"}).status, 2);
  EXPECT_EQ(lxc("stop", {"c1", "-k"}).status, 2);
  EXPECT_EQ(lxc("stop", {"c1"}).error, "lxc-stop: c1: not running\n");
}

TEST_F(ExitStatusTest, StopRefusesWhatDoesNotGoTogether) {
  const std::vector<std::vector<std::string>> cases = {{"c1", "-k", "-r"}, {"c1", "-k", "-t", "3"}, {"c1", "-k", "--nokill"},
                                                       {"c1", "--nolock"}, {"c1", "-t", "-2"},      {"c1", "-t", "x"}};
  for (const auto& words : cases) EXPECT_EQ(lxc("stop", words).status, 1) << words.back();
}

TEST_F(ExitStatusTest, Wait) {
  EXPECT_EQ(lxc("wait", {"c1", "-s", "STOPPED"}).status, 0);
  EXPECT_EQ(lxc("wait", {"c1", "-s", "RUNNING", "-t", "0"}).status, 1);
  EXPECT_EQ(lxc("wait", {"c1", "-s", "RUN"}).status, 1);  // no prefixes
  EXPECT_EQ(lxc("wait", {"c1", "-s", ""}).status, 1);
  EXPECT_EQ(lxc("wait", {"c1"}).status, 1);
}

TEST_F(ExitStatusTest, RelativeLxcpath) {
  for (const char* command : {"lxc-start", "lxc-ls", "lxc-stop", "lxc-info"}) {
    const Ran ran = run({command, "-P", "relative", "c1"});
    EXPECT_EQ(ran.status, 1) << command;
    EXPECT_NE(ran.error.find("lxcpath is not absolute: 'relative'"), std::string::npos) << ran.error;
  }
}

TEST_F(ExitStatusTest, InfoOfAStoppedOne) {
  EXPECT_EQ(lxc("info", {"c1"}).output, "Name:           c1\nState:          STOPPED\n");
  EXPECT_EQ(lxc("info", {"c1", "-sH"}).output, "STOPPED\n");
  EXPECT_EQ(lxc("info", {"c1", "-p"}).output, "");
  EXPECT_EQ(lxc("info", {"c1", "-c", "lxc.uts.name"}).output, "lxc.uts.name = c1\n");
  EXPECT_EQ(lxc("info", {"c1", "-H", "-c", "lxc.uts.name"}).output, "c1\n");
}

TEST_F(ExitStatusTest, InfoOfARunningOne) {
  const testing::FakeMonitor monitor(lxcpath, "c1", running);
  EXPECT_EQ(lxc("info", {"c1", "-s", "-p"}).output, "State:          RUNNING\nPID:            999999999\n");
  EXPECT_EQ(lxc("info", {"c1", "-pH"}).output, "999999999\n");
}

TEST_F(ExitStatusTest, Ls) {
  EXPECT_EQ(lxc("ls", {"-1"}).output, "c1\n");
  EXPECT_EQ(lxc("ls", {"-f"}).output,
            "NAME STATE   AUTOSTART GROUPS IPV4 IPV6 UNPRIVILEGED \n"
            "c1   STOPPED 1         g      -    -    false        \n");
  EXPECT_EQ(lxc("ls", {"-1", "-g", "g"}).output, "c1\n");
  EXPECT_EQ(lxc("ls", {"-1", "-g", "g,other"}).output, "");
  EXPECT_EQ(lxc("ls", {"-1", "^x"}).output, "");
  EXPECT_EQ(lxc("ls", {"-1", "--active"}).output, "");
  EXPECT_EQ(lxc("ls", {"--filter", "["}).status, 1);
  EXPECT_EQ(lxc("ls", {"-f", "-F", "FOO"}).status, 1);
  const testing::FakeMonitor monitor(lxcpath, "c1", running);
  const testing::FakeMonitor undefined(lxcpath, "volatile", running);
  EXPECT_EQ(lxc("ls", {"-1", "--running"}).output, "c1\nvolatile\n");
  EXPECT_EQ(lxc("ls", {"-1", "--running", "--defined"}).output, "c1\n");
  EXPECT_EQ(lxc("ls", {"-1", "--stopped"}).output, "");
  EXPECT_EQ(lxc("ls", {"-f", "-F", "NAME,STATE,PID"}).output,
            "NAME     STATE   PID       \nc1       RUNNING 999999999 \nvolatile RUNNING 999999999 \n");
}

TEST_F(ExitStatusTest, CreateAsksForATemplateAndRefusesOtherBackEnds) {
  EXPECT_NE(lxc("create", {"new"}).error.find("A template must be specified"), std::string::npos);
  EXPECT_EQ(lxc("create", {"new", "-t", "none", "--vgname", "vg"}).status, 1);
  EXPECT_EQ(lxc("create", {"new", "-t", "none", "--dir", "relative"}).status, 1);
  EXPECT_FALSE(sys::exists(lxcpath + "/new"));
}

TEST(Berth, Overview) {
  EXPECT_EQ(run({"berth"}).status, 0);
  EXPECT_NE(run({"berth"}).output.find("\n  start "), std::string::npos);
  EXPECT_EQ(run({"/usr/bin/berth", "--version"}).output, "berth 0.1.0 (LXC interface 7.0.0)\n");
  EXPECT_EQ(run({"berth", "start", "--version"}).output, "7.0.0\n");
  EXPECT_EQ(run({"/x/y/lxc-start", "--version"}).output, "7.0.0\n");
}

TEST(Berth, UnknownCommand) {
  const Ran ran = run({"berth", "stap"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.error.find("did you mean 'stop'?"), std::string::npos) << ran.error;
  EXPECT_NE(run({"berth", "strat"}).error.find("did you mean 'start'?"), std::string::npos);
  EXPECT_EQ(run({"lxc-nonsense"}).status, 1);
}

TEST(Berth, MessagesNameTheProgramAsItWasCalled) {
  EXPECT_TRUE(run({"berth", "stop"}).error.starts_with("berth stop: No container name specified\n"));
  EXPECT_TRUE(run({"lxc-stop"}).error.starts_with("lxc-stop: No container name specified\n"));
}

TEST(Config, Words) {
  EXPECT_EQ(run({"lxc-config"}).status, 0);
  EXPECT_NE(run({"lxc-config", "-l"}).output.find("lxc.lxcpath\n"), std::string::npos);
  const Ran unknown = run({"lxc-config", "foo"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_EQ(unknown.output, "Unknown configuration item: foo\n");
}

}  // namespace
}  // namespace berth::cli
