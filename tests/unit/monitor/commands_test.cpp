#include "monitor/commands.hpp"

#include "fixtures.hpp"

namespace berth::monitor {
namespace {

using runtime::Command;
using runtime::State;

class FakeControl final : public Control {
 public:
  explicit FakeControl(Container& container) : container(container) {}
  void change_state(State state) override {
    container.state = state;
    states.push_back(state);
    if (on_change) on_change(state);
  }
  void take_state(State state) override { change_state(state); }
  Status stop() override {
    ++stops;
    return {};
  }
  Result<std::uint32_t> add_device_rule(const cgroup::DeviceRule& rule) override {
    rules.push_back(cgroup::rule_text(rule));
    return rule.access;
  }
  Container& container;
  std::vector<State> states;
  std::vector<std::string> rules;
  std::function<void(State)> on_change;
  int stops = 0;
};

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest()
      : loop(std::move(*Loop::open())),
        console(loop),
        freezer(directory.file("freezer.state"), false),
        control(container),
        commands(make_plan(), loop, container, console, freezer, control),
        server(loop, commands) {
    commands.serve(server);
    container.state = State::kRunning;
    container.init_pid = ::getpid();
    std::ofstream(directory.file("freezer.state")) << "THAWED\n";
  }

  const child::BlobView& make_plan() {
    plan::Settings& settings = plan.plan.settings;
    settings.name = "c1";
    settings.lxcpath = "/var/lib/lxc";
    settings.clone_flags = 0x6e020000;
    settings.config_items = {"lxc.uts.name", "c1", "lxc.arch", ""};
    settings.cgroup_paths = {"cpu,cpuacct",
                             "/lxc.payload.c1",
                             "/lxc.payload.c1",
                             "/sys/fs/cgroup/cpu",
                             "name=systemd",
                             "/s/inner",
                             "/s",
                             "/sys/fs/cgroup/systemd",
                             "",
                             "/u",
                             "/u",
                             "/sys/fs/cgroup/unified"};
    return plan.blob();
  }

  test::ClientReply ask(Command command, std::uint64_t argument = 0, const std::string& data = {}) {
    client = connect();
    test::send_bytes(client.get(), test::request_bytes(command, argument, data));
    test::ClientReply reply;
    test::run_until(loop, [&] {
      reply = test::read_reply(client.get());
      return reply.header.result != -9999;
    });
    return reply;
  }
  Fd connect() {
    auto [ours, served] = std::move(*sys::socket_pair(SOCK_STREAM));
    EXPECT_TRUE(server.adopt(std::move(served)));
    return std::move(ours);
  }
  static std::string nul(const std::string& text) { return text + '\0'; }
  static std::string wanted(State state, std::int32_t value) {
    std::array<std::int32_t, runtime::kStates> array{};
    array[static_cast<std::size_t>(state)] = value;
    return {reinterpret_cast<const char*>(array.data()), sizeof array};
  }

  State state() { return static_cast<State>(ask(Command::kGetState).value()); }

  test::TemporaryDirectory directory;
  test::EncodedPlan plan;
  Loop loop;
  Container container;
  Console console;
  Freezer freezer;
  FakeControl control;
  Commands commands;
  CommandServer server;
  Fd client;
};

TEST_F(CommandsTest, AnswersWhatIsKnown) {
  EXPECT_EQ(static_cast<std::uint64_t>(::getpid()), ask(Command::kGetInitPid).value());
  EXPECT_EQ(0x6e020000U, ask(Command::kGetCloneFlags).value());
  EXPECT_EQ(nul("c1"), ask(Command::kGetName).data);
  EXPECT_EQ(nul("/var/lib/lxc"), ask(Command::kGetLxcpath).data);
}

TEST_F(CommandsTest, TheStateComesWithInitsPidAboveIt) {
  const std::uint64_t value = ask(Command::kGetState).value();
  EXPECT_EQ(State::kRunning, static_cast<State>(value)) << "what LXC's clients read";
  EXPECT_EQ(static_cast<std::uint64_t>(::getpid()), value >> runtime::kInitPidShift);
  for (const pid_t none : {0, -1}) {
    container.init_pid = none;
    EXPECT_EQ(2U, ask(Command::kGetState).value());
  }
}

TEST_F(CommandsTest, RefusesUnknownNumbers) {
  EXPECT_EQ(-ENOSYS, ask(static_cast<Command>(27)).header.result);
  EXPECT_EQ(-ENOSYS, ask(static_cast<Command>(-1)).header.result);
}

TEST_F(CommandsTest, NoScopeOfSystemdIsALxcAnswer) { EXPECT_EQ(-EINVAL, ask(Command::kGetSystemdScope).header.result); }

std::string device_request(char type, std::int32_t major, std::int32_t minor, const std::string& access, std::int32_t allow) {
  runtime::DeviceRuleRequest request;
  std::memset(static_cast<void*>(&request), 0, sizeof request);
  request.type = type;
  request.major = major;
  request.minor = minor;
  access.copy(request.access, sizeof request.access);
  request.allow = allow;
  return {reinterpret_cast<const char*>(&request), sizeof request};
}

TEST_F(CommandsTest, DeviceRulesAsLxcsClientsSendThem) {
  // The bytes of Debian's lxc-cgroup for: devices.allow "c 10:200 rwm".
  std::string seen("c\0\0\0\x0a\0\0\0\xc8\0\0\0rwm\0\x01\0\0\0", 20);
  seen.resize(40, '\0');
  EXPECT_EQ(0, ask(Command::kAddBpfDeviceCgroup, 0, seen).header.result);
  EXPECT_EQ(0, ask(Command::kAddBpfDeviceCgroup, 0, device_request('a', -1, -1, "", 0)).header.result);
  EXPECT_EQ(0, ask(Command::kAddBpfDeviceCgroup, 0, device_request('b', -1, 7, "m", 1)).header.result);
  EXPECT_EQ((std::vector<std::string>{"c 10:200 rwm", "a", "b *:7 m"}), control.rules);
}

TEST_F(CommandsTest, ADeviceRuleWaitsForTheStartAndTellsWhatItChanged) {
  const std::string request = device_request('c', 10, 200, "rw", 1);
  container.state = State::kStarting;
  EXPECT_EQ(-EAGAIN, ask(Command::kAddBpfDeviceCgroup, 0, request).header.result);
  EXPECT_TRUE(control.rules.empty());
  container.state = State::kRunning;
  const auto reply = ask(Command::kAddBpfDeviceCgroup, 0, request);
  EXPECT_EQ(0, reply.header.result);
  EXPECT_EQ(std::uint64_t{BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE}, reply.value());
}

TEST_F(CommandsTest, BadDeviceRulesAreRefusedBeforeAnythingHappens) {
  const auto refused = [this](const std::string& data) {
    return ask(Command::kAddBpfDeviceCgroup, 0, data).header.result == -EINVAL;
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(std::string(39, 'a')));
  EXPECT_TRUE(refused(std::string(41, 'a')));
  EXPECT_TRUE(refused(device_request('x', 1, 3, "rwm", 1))) << "type";
  EXPECT_TRUE(refused(device_request('c', -2, 3, "rwm", 1))) << "major";
  EXPECT_TRUE(refused(device_request('c', 1, 1 << 20, "rwm", 1))) << "minor";
  EXPECT_TRUE(refused(device_request('c', 1, 3, "rwmr", 1))) << "no end of the access";
  EXPECT_TRUE(refused(device_request('c', 1, 3, "x", 1))) << "access";
  EXPECT_TRUE(refused(device_request('c', 1, 3, "", 1))) << "no access";
  EXPECT_TRUE(refused(device_request('c', 1, 3, "rwm", 2))) << "neither allow nor deny";
  EXPECT_TRUE(control.rules.empty());
  container.init_pid = 0;
  EXPECT_EQ(-ESRCH, ask(Command::kAddBpfDeviceCgroup, 0, device_request('c', 1, 3, "rwm", 1)).header.result);
}

TEST_F(CommandsTest, ConfigItemsNeedATerminatedKey) {
  EXPECT_EQ(nul("c1"), ask(Command::kGetConfigItem, 0, nul("lxc.uts.name")).data);
  EXPECT_EQ(-1, ask(Command::kGetConfigItem, 0, nul("lxc.arch")).header.result) << "without a value";
  EXPECT_EQ(-1, ask(Command::kGetConfigItem, 0, nul("lxc.nothing")).header.result);
  EXPECT_EQ(-EINVAL, ask(Command::kGetConfigItem, 0, "lxc.uts.name").header.result) << "no NUL";
  EXPECT_EQ(-EINVAL, ask(Command::kGetConfigItem, 0, nul("lxc.uts.name") + nul("x")).header.result);
  EXPECT_EQ(-EINVAL, ask(Command::kGetConfigItem).header.result);
}

TEST_F(CommandsTest, FindsCgroupsByAnyControllerOfAHierarchy) {
  EXPECT_EQ(nul("/lxc.payload.c1"), ask(Command::kGetCgroup, 0, nul("cpuacct")).data);
  EXPECT_EQ(nul("/s/inner"), ask(Command::kGetCgroup, 0, nul("systemd")).data);
  EXPECT_EQ(nul("/s"), ask(Command::kGetLimitCgroup, 0, nul("name=systemd")).data);
  EXPECT_EQ(nul("/u"), ask(Command::kGetCgroup).data);
  EXPECT_EQ(-ENOENT, ask(Command::kGetCgroup, 0, nul("freezer")).header.result);
  EXPECT_EQ(-EINVAL, ask(Command::kGetCgroup2Fd).header.result) << "not on a mixed layout";
  EXPECT_EQ(-EINVAL, ask(Command::kGetCgroupFd, 0, "short").header.result);
  EXPECT_EQ(-EINVAL, ask(Command::kGetCgroupFd, 0, std::string(80, 'x')).header.result) << "no end of the controller's name";
}

TEST_F(CommandsTest, AStateThatIsThereIsAnsweredAtOnce) {
  const auto reply = ask(Command::kAddStateClient, 0, wanted(State::kRunning, runtime::kStateWanted));
  EXPECT_EQ(2, reply.header.result);
  EXPECT_TRUE(test::read_reply(client.get()).closed);
}

TEST_F(CommandsTest, ARebootWaiterWaitsThoughTheContainerRuns) {
  const auto reply = ask(Command::kAddStateClient, 0, wanted(State::kRunning, runtime::kStateAfterReboot));
  EXPECT_EQ(runtime::kStates, reply.header.result);
  EXPECT_EQ(1U, server.connections());
  server.notify(State::kRunning, "c1");
  EXPECT_EQ(0U, server.connections());
}

TEST_F(CommandsTest, ASubscriptionForNothingIsRefused) {
  EXPECT_EQ(-EINVAL, ask(Command::kAddStateClient, 0, std::string(32, '\0')).header.result);
  EXPECT_EQ(-EINVAL, ask(Command::kAddStateClient, 0, std::string(31, '\1')).header.result);
  EXPECT_EQ(-EINVAL, ask(Command::kAddStateClient).header.result);
}

TEST_F(CommandsTest, StopIsPassedOnWithoutAReply) {
  client = connect();
  test::send_bytes(client.get(), test::request_bytes(Command::kStop));
  ASSERT_TRUE(test::run_until(loop, [this] { return control.stops == 1; }));
  EXPECT_EQ(-9999, test::read_reply(client.get()).header.result);
}

TEST_F(CommandsTest, ServesStatesOfClientsThatFreezeThemselves) {
  EXPECT_EQ(0, ask(Command::kServeStateClients, 5).header.result);
  EXPECT_EQ(0, ask(Command::kServeStateClients, 6).header.result);
  EXPECT_EQ(State::kFrozen, state());
  EXPECT_EQ(0, ask(Command::kServeStateClients, 7).header.result);
  EXPECT_EQ(State::kRunning, state()) << "thawed = running";
  EXPECT_EQ(-EINVAL, ask(Command::kServeStateClients, 0).header.result) << "nobody may declare it stopped";
  EXPECT_EQ(-EINVAL, ask(Command::kServeStateClients, 99).header.result);
}

TEST_F(CommandsTest, FreezesAndConfirms) {
  // The file keeps what is written to it, as the kernel does once all tasks are frozen.
  EXPECT_EQ(0, ask(Command::kFreeze, 5).header.result);
  EXPECT_EQ(0, ask(Command::kUnfreeze, 5).header.result);
  EXPECT_EQ((std::vector{State::kFreezing, State::kFrozen, State::kThawed, State::kRunning}), control.states);
}

TEST_F(CommandsTest, AFreezerThatPassedOverATaskIsAskedAgain) {
  // The kernel's word is FREEZING, when a task was about to wait for its vfork() child; a file needs one that FROZEN covers.
  control.on_change = [this](State state) {
    if (state == State::kFreezing) std::ofstream(directory.file("freezer.state")) << "FREEZI";
  };
  EXPECT_EQ(0, ask(Command::kFreeze, 5).header.result);
  EXPECT_EQ("FROZEN", test::contents(directory.file("freezer.state")));
  EXPECT_EQ(State::kFrozen, state());
}

TEST_F(CommandsTest, AFreezerThatNeverConfirmsTimesOut) {
  Freezer stuck(directory.file("cgroup.freeze"), true);
  std::ofstream(directory.file("cgroup.freeze")) << "0";
  std::ofstream(directory.file("cgroup.events")) << "populated 1\nfrozen 0\n";
  freezer = stuck;
  EXPECT_EQ(-ETIMEDOUT, ask(Command::kFreeze, 0).header.result);
  EXPECT_EQ("1", test::contents(directory.file("cgroup.freeze")));
  std::ofstream(directory.file("cgroup.events")) << "populated 1\nfrozen 1\n";
  EXPECT_TRUE(test::run_until(loop, [this] { return container.state == State::kFrozen; })) << "followed though nobody waits";
}

TEST_F(CommandsTest, NoConsoleLogWithoutABuffer) {
  const runtime::ConsoleLogRequest wish{.clear = false, .read = true, .read_max = 0, .write_logfile = false};
  const std::string data(reinterpret_cast<const char*>(&wish), sizeof wish);
  EXPECT_EQ(-EFAULT, ask(Command::kConsoleLog, 0, data).header.result);
  EXPECT_EQ(-EINVAL, ask(Command::kConsoleLog, 0, "x").header.result);
  console.keep_history(4096);
  EXPECT_EQ(-ENODATA, ask(Command::kConsoleLog, 0, data).header.result);
}

TEST_F(CommandsTest, TtysThatAreNotThere) {
  EXPECT_EQ(-ENODEV, ask(Command::kGetTtyFd, 1).header.result);
  EXPECT_EQ(-EBUSY, ask(Command::kGetTtyFd, 0xffffffffU).header.result);
  EXPECT_EQ(-ENODEV, ask(Command::kGetTtyFd, 0).header.result);
}

}  // namespace
}  // namespace berth::monitor
