#include "runtime/command_client.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fake_monitor.hpp"
#include "runtime/container.hpp"
#include "runtime/list.hpp"

namespace berth::runtime {
namespace {

using testing::Answer;
using testing::FakeMonitor;

class CommandClientTest : public ::testing::Test {
 protected:
  std::string lxcpath = testing::unique_lxcpath();
  CommandClient client{lxcpath, "c1"};

  FakeMonitor monitor(FakeMonitor::Handler handler) { return FakeMonitor(lxcpath, "c1", std::move(handler)); }
};

TEST(SocketName, PlainUpTo105BytesThenHashed) {
  const std::string lxcpath = "/tmp/cli-lxc-4Ft4";
  EXPECT_EQ(command_socket_name(lxcpath, "web1"), lxcpath + "/web1/command");
  const std::string fits(105 - lxcpath.size() - 9, 'x');
  EXPECT_EQ(command_socket_name(lxcpath, fits), lxcpath + "/" + fits + "/command");
  // What Debian's LXC 5.0.2 connects to for this path.
  EXPECT_EQ(command_socket_name(lxcpath, std::string(80, 'x')), "lxc/3efa208cff4b2408/command");
  EXPECT_EQ(command_socket_name(lxcpath, std::string(83, 'x')), "lxc/788094dab5f42c80/command");
}

TEST(StateNames, RoundTripAndNothingElse) {
  for (int i = 0; i < kStates; ++i) {
    const auto state = static_cast<State>(i);
    EXPECT_EQ(parse_state(state_name(state)), state);
  }
  EXPECT_FALSE(parse_state("running"));
  EXPECT_FALSE(parse_state("RUN"));
  EXPECT_FALSE(parse_state(""));
}

TEST_F(CommandClientTest, NobodyListens) {
  EXPECT_EQ(*client.state(), State::kStopped);
  EXPECT_FALSE(*client.reachable());
  EXPECT_EQ(client.init_pid().error().code(), ECONNREFUSED);
  EXPECT_EQ(client.stop().error().code(), ECONNREFUSED);
}

TEST_F(CommandClientTest, ScalarsAndTexts) {
  const auto fake = monitor([](Command command, std::int64_t, const std::string& data) -> Answer {
    switch (command) {
      case Command::kGetState:
        return {.scalar = 6};
      case Command::kGetInitPid:
        return {.scalar = 4711};
      case Command::kGetCloneFlags:
        return {.scalar = 0x7c020000};
      case Command::kGetConfigItem:
        return {.data = "value of " + std::string(data.c_str()) + std::string(1, '\0')};
      case Command::kGetCgroup:
        return {.data = (data.empty() ? "/unified" : "/" + std::string(data.c_str())) + std::string(1, '\0')};
      default:
        return {.result = -ENOSYS};
    }
  });
  EXPECT_EQ(*client.state(), State::kFrozen);
  EXPECT_EQ(*client.init_pid(), 4711);
  EXPECT_EQ(*client.clone_flags(), 0x7c020000);
  EXPECT_EQ(*client.config_item("lxc.uts.name"), "value of lxc.uts.name");
  EXPECT_EQ(*client.cgroup(""), "/unified");
  EXPECT_EQ(*client.cgroup("freezer"), "/freezer");
  EXPECT_EQ(client.limit_cgroup("freezer").error().code(), ENOSYS);
  EXPECT_TRUE(fake.credentials_seen());
}

TEST_F(CommandClientTest, VitalsOfManyInTheirOrder) {
  const FakeMonitor ours(lxcpath, "ours", [](Command, std::int64_t, const std::string&) -> Answer {
    return {.scalar = std::int64_t{4711} << kInitPidShift | 2};
  });
  const FakeMonitor theirs(lxcpath, "theirs", [](Command, std::int64_t, const std::string&) -> Answer {
    return {.scalar = 6};  // as LXC's
  });
  const FakeMonitor shut(lxcpath, "shut", [](Command, std::int64_t, const std::string&) -> Answer { return {.result = -EPERM}; });
  const FakeMonitor broken(lxcpath, "broken", [](Command, std::int64_t, const std::string&) -> Answer { return {.scalar = 8}; });
  std::vector<CommandClient> clients;
  // More than are asked at a time.
  for (int i = 0; i < 50; ++i) {
    for (const char* name : {"ours", "absent", "theirs", "shut", "broken"}) clients.emplace_back(lxcpath, name);
  }
  const auto vitals = CommandClient::vitals_of(clients);
  ASSERT_EQ(vitals.size(), clients.size());
  for (std::size_t i = 0; i < vitals.size(); i += 5) {
    EXPECT_EQ(vitals[i]->state, State::kRunning);
    EXPECT_EQ(vitals[i]->init, 4711);
    EXPECT_EQ(vitals[i + 1]->state, State::kStopped);
    EXPECT_EQ(vitals[i + 2]->state, State::kFrozen);
    EXPECT_FALSE(vitals[i + 2]->init);
    EXPECT_EQ(vitals[i + 3].error().code(), EPERM);
    EXPECT_EQ(vitals[i + 4].error().code(), EPROTO);
  }
  EXPECT_TRUE(CommandClient::vitals_of({}).empty());
}

TEST_F(CommandClientTest, PermissionDeniedIsAnErrorWithAWayOut) {
  const auto fake = monitor([](Command, std::int64_t, const std::string&) -> Answer { return {.result = -EPERM}; });
  const auto state = client.state();
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code(), EPERM);
  EXPECT_NE(state.error().hint().find("root"), std::string::npos);
}

TEST_F(CommandClientTest, BrokenAnswersAreRefused) {
  const auto fake = monitor([](Command command, std::int64_t, const std::string&) -> Answer {
    if (command == Command::kGetState) return {.scalar = 8};
    if (command == Command::kGetName) return {.data = std::string(kCommandDataMax + 1, 'x')};
    if (command == Command::kGetLxcpath) return {.close_instead = true};
    if (command == Command::kGetTtyFd) return {.result = -EBADF};  // as LXC 5.0.2 says "taken"
    return {};
  });
  EXPECT_EQ(client.state().error().code(), EPROTO);
  EXPECT_EQ(client.name().error().code(), EMSGSIZE);
  EXPECT_EQ(client.lxcpath().error().code(), ENODATA);
  EXPECT_EQ(client.init_pidfd().error().code(), EPROTO);  // no descriptor came
  EXPECT_EQ(client.tty(1).error().code(), EBUSY);
}

TEST_F(CommandClientTest, DescriptorsArriveClosedOnExec) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const Fd in(pipe[0]), out(pipe[1]);
  const auto fake = monitor([&](Command, std::int64_t scalar, const std::string&) -> Answer {
    return {.scalar = scalar == -1 ? 3 : scalar, .descriptors = {pipe[1]}};
  });
  const auto tty = client.tty(-1);
  ASSERT_TRUE(tty);
  EXPECT_EQ(tty->number, 3);
  EXPECT_NE(tty->master.get(), pipe[1]);
  EXPECT_TRUE(::fcntl(tty->master.get(), F_GETFD) & FD_CLOEXEC);
  EXPECT_TRUE(tty->lease.valid());
}

TEST_F(CommandClientTest, ConsoleLogCarriesItsRequest) {
  const auto fake = monitor([](Command, std::int64_t, const std::string& data) -> Answer {
    ConsoleLogRequest request{};
    EXPECT_EQ(data.size(), sizeof request);
    std::memcpy(static_cast<void*>(&request), data.data(), sizeof request);
    EXPECT_TRUE(request.read && !request.clear && !request.write_logfile);
    EXPECT_EQ(request.read_max, 100U);
    return {.data = std::string(3 * kCommandDataMax, 'l')};  // longer than other answers may be
  });
  EXPECT_EQ(client.console_log(true, false, false, 100)->size(), 3U * kCommandDataMax);
}

TEST_F(CommandClientTest, SubscriptionKnowsTheCurrentState) {
  const auto fake = monitor([](Command, std::int64_t, const std::string& data) -> Answer {
    std::int32_t wanted[kStates];
    EXPECT_EQ(data.size(), sizeof wanted);
    std::memcpy(wanted, data.data(), sizeof wanted);
    return {.result = wanted[2] == kStateWanted ? 2 : 8};
  });
  bool running[kStates] = {};
  running[2] = true;
  EXPECT_EQ(client.add_state_client(running)->current, State::kRunning);
  EXPECT_FALSE(client.add_reboot_client()->current);
}

// --- what Container makes of it ---------------------------------------------------------------------------------------------

TEST_F(CommandClientTest, WaitTakesTheMessageThatComes) {
  const auto fake = monitor([](Command, std::int64_t, const std::string&) -> Answer {
    return {.result = kStates, .later = testing::state_message(State::kFreezing) + testing::state_message(State::kFrozen)};
  });
  const auto container = Container::open("c1", lxcpath);
  EXPECT_TRUE(*container->wait({State::kFrozen}, 10));
}

TEST_F(CommandClientTest, WaitEndsAtItsTimeout) {
  const auto container = Container::open("c1", lxcpath);
  EXPECT_FALSE(*container->wait({State::kRunning}, 0));
  EXPECT_TRUE(*container->wait({State::kRunning, State::kStopped}, 0));
  const auto fake = monitor([](Command, std::int64_t, const std::string&) -> Answer { return {.result = kStates}; });
  EXPECT_FALSE(*container->wait({State::kStopped}, 0));
}

TEST_F(CommandClientTest, FreezeReportsARefusalOfTheMonitor) {
  const auto fake = monitor([](Command, std::int64_t timeout, const std::string&) -> Answer {
    EXPECT_EQ(static_cast<std::int32_t>(timeout), -1);
    return {.result = -EPERM};
  });
  EXPECT_EQ(Container::open("c1", lxcpath)->freeze().error().code(), EPERM);
}

TEST_F(CommandClientTest, ShutdownOfAnInitThatJustEndedIsASuccess) {
  int pidfd = -1;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  pidfd = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  ASSERT_GE(pidfd, 0);
  const Fd owner(pidfd);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const auto fake = monitor([&](Command command, std::int64_t, const std::string&) -> Answer {
    if (command == Command::kGetInitPidfd) return {.descriptors = {pidfd}};
    if (command == Command::kGetInitPid) return {.scalar = child};
    if (command == Command::kGetState) return {.scalar = 2};
    if (command == Command::kAddStateClient) return {.result = kStates};
    return {.result = -EPERM};
  });
  const auto done = Container::open("c1", lxcpath)->shutdown(0);
  ASSERT_TRUE(done) << done.error().line();
  EXPECT_TRUE(*done);
}

TEST_F(CommandClientTest, KillOfAStoppedContainerSaysSo) { EXPECT_FALSE(*Container::open("c1", lxcpath)->kill()); }

TEST_F(CommandClientTest, KillShowsTheRefusal) {
  const auto fake = monitor([](Command, std::int64_t, const std::string&) -> Answer { return {.result = -EPERM}; });
  EXPECT_EQ(Container::open("c1", lxcpath)->kill().error().code(), EPERM);
}

TEST(ContainerOpen, RefusesNamesAndPaths) {
  for (const char* name : {"", ".", "..", "a/b", "a\nb", "a\x7f"}) EXPECT_FALSE(Container::open(name, "/p")) << name;
  EXPECT_EQ(Container::open(std::string(256, 'n'), "/p").error().code(), ENAMETOOLONG);
  EXPECT_FALSE(Container::open("a", "relative"));
  EXPECT_FALSE(Container::open("a", ""));
  EXPECT_EQ(Container::open("a", "/p//")->lxcpath(), "/p");
  EXPECT_EQ(Container::open("a", "/")->lxcpath(), "/");
}

TEST(ContainerOpen, ARcfileStandsForTheConfiguration) {
  auto container = Container::open("a", "/p");
  EXPECT_EQ(container->config_file(), "/p/a/config");
  container->use_config_file("/etc/other");
  EXPECT_EQ(container->config_file(), "/etc/other");
}

// --- listing ------------------------------------------------------------------------------------------------------------

constexpr std::string_view kTable =
    "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12 @/var/lib/lxc/web1/command\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 13 @/var/lib/lxc/web1/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 14 @/var/lib/lxc2/other/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 15 /var/lib/lxc/file/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 16 @lxc/3efa208cff4b2408/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 17 @lxc/3efa208cff4b240x/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 18 @/var/lib/lxc/a/b/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 19 @/var/lib/lxc/two words/command\n"
    "0000000000000000: 00000002 00000000 00000000 0002 01 20\n";

TEST(ParseUnixSockets, FindsOnlyItsOwn) {
  const auto found = parse_unix_sockets(kTable, "/var/lib/lxc");
  EXPECT_EQ(found.names, (std::vector<std::string>{"two words", "web1"}));
  EXPECT_EQ(found.hashed, std::vector<std::string>{"lxc/3efa208cff4b2408/command"});
  EXPECT_TRUE(parse_unix_sockets("", "/var/lib/lxc").names.empty());
}

TEST(ParseUnixSockets, FindsEveryPathOfAName) {
  const auto found = parse_sockets_of(kTable, "web1");
  EXPECT_EQ(found.lxcpaths, std::vector<std::string>{"/var/lib/lxc"});
  EXPECT_EQ(found.hashed, std::vector<std::string>{"lxc/3efa208cff4b2408/command"});
  EXPECT_EQ(parse_sockets_of(kTable, "b").lxcpaths, std::vector<std::string>{"/var/lib/lxc/a"});
  EXPECT_TRUE(parse_sockets_of(kTable, "eb1").lxcpaths.empty());
}

TEST_F(CommandClientTest, ActiveOnesAreListedAlsoByHashedAddresses) {
  const std::string deep = lxcpath + std::string(100, 'd');
  const auto plain = monitor([](Command, std::int64_t, const std::string&) -> Answer { return {}; });
  EXPECT_EQ(*list_active(lxcpath), std::vector<std::string>{"c1"});
  const FakeMonitor hashed(deep, "far", [&](Command command, std::int64_t, const std::string&) -> Answer {
    return {.data = (command == Command::kGetName ? "far" : deep) + std::string(1, '\0')};
  });
  EXPECT_EQ(*list_active(deep), std::vector<std::string>{"far"});
}

TEST_F(CommandClientTest, ASilentMonitorIsToldOnceTheTimeIsOver) {
  auto socket = std::move(*sys::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_TRUE(sys::bind_abstract(socket.get(), command_socket_name(lxcpath, "c1")));
  ASSERT_TRUE(sys::listen(socket.get(), 8));  // takes connections, answers nothing
  client.set_timeout(1);
  const auto state = client.state();
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code(), ETIMEDOUT);
  EXPECT_NE(state.error().line().find("did not answer within 1 s"), std::string::npos) << state.error().line();
  EXPECT_EQ(client.config_item("lxc.uts.name").error().code(), ETIMEDOUT);
}

TEST_F(CommandClientTest, ATimeLimitDoesNotReachWhatConnectionsDeliverLater) {
  const auto fake = monitor([](Command, std::int64_t, const std::string&) -> Answer { return {.result = kStates}; });
  client.set_timeout(1);
  const bool wanted[kStates] = {true};
  const auto subscription = client.add_state_client(wanted);
  ASSERT_TRUE(subscription);
  timeval limit{7, 7};
  socklen_t size = sizeof limit;
  ASSERT_EQ(::getsockopt(subscription->connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, &size), 0);
  EXPECT_EQ(limit.tv_sec, 0);
  EXPECT_EQ(limit.tv_usec, 0);
}

TEST_F(CommandClientTest, DeviceRulesInLxcsForm) {
  std::vector<std::string> sent;
  const auto fake = monitor([&sent](Command command, std::int64_t, const std::string& data) -> Answer {
    EXPECT_EQ(command, Command::kAddBpfDeviceCgroup);
    sent.push_back(data);
    return {.result = sent.size() < 3 ? 0 : -EINVAL};
  });
  EXPECT_TRUE(client.add_device_rule(*cgroup::parse_device_rule(true, "c 10:200 rwm")));
  EXPECT_TRUE(client.add_device_rule(*cgroup::parse_device_rule(false, "a")));
  EXPECT_EQ(client.add_device_rule(*cgroup::parse_device_rule(true, "b *:* m")).error().code(), EINVAL);
  ASSERT_EQ(sent.size(), 3U);
  for (const std::string& data : sent) EXPECT_EQ(data.size(), 40U);
  // As Debian's lxc-cgroup sends them.
  EXPECT_EQ(sent[0].substr(0, 20), std::string("c\0\0\0\x0a\0\0\0\xc8\0\0\0rwm\0\x01\0\0\0", 20));
  EXPECT_EQ(sent[1].substr(0, 20), std::string("a\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0", 20));
  EXPECT_EQ(sent[2].substr(0, 20), std::string("b\0\0\0\xff\xff\xff\xff\xff\xff\xff\xffm\0\0\0\x01\0\0\0", 20));
}

TEST_F(CommandClientTest, DescriptorsOfGroupsAndOfTheTerminals) {
  const Fd directory(::open("/", O_PATH | O_CLOEXEC));
  const auto fake = monitor([&](Command command, std::int64_t, const std::string& data) -> Answer {
    if (command == Command::kGetDevptsFd) return {.result = -EBADF};
    std::string answer = data;
    if (command == Command::kGetCgroupCtx) answer[0] = static_cast<char>(CgroupLayout::kHybrid);
    if (command == Command::kGetCgroupFd && std::string_view(data.data() + 16) != "memory") return {.result = -ENOENT};
    return {.data = answer, .descriptors = {directory.get()}};
  });
  EXPECT_EQ(client.devpts().error().code(), EBADF);
  EXPECT_TRUE(client.cgroup_descriptor("memory"));
  EXPECT_EQ(client.cgroup_descriptor("pids").error().code(), ENOENT);
  EXPECT_EQ(client.limit_cgroup_descriptor(std::string(64, 'x')).error().code(), ENAMETOOLONG);
  const auto all = client.cgroup_descriptors();
  ASSERT_TRUE(all);
  EXPECT_EQ(all->layout, CgroupLayout::kHybrid);
  EXPECT_EQ(all->directories.size(), 1U);
}

}  // namespace
}  // namespace berth::runtime
