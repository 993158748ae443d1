#include "plan/start_plan.hpp"

#include <sched.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "child/blob.hpp"
#include "start_plan_fixture.hpp"

namespace berth::plan {
namespace {

TEST_F(StartPlan, WhatNoInterfaceCanHaveIsRefusedBeforehand) {
  struct Case {
    std::string line, text;
  };
  for (const Case& now :
       {Case{"lxc.net.0.veth.pair = rv%d", "in the place of %d"}, Case{"lxc.net.0.veth.pair = all", "settings of all interfaces"},
        Case{"lxc.net.0.veth.pair = default", "settings of all interfaces"},
        Case{"lxc.net.0.hwaddr = 01:00:00:00:00:01", "group"}, Case{"lxc.net.0.hwaddr = 00:00:00:00:00:00", "zeros"},
        Case{"lxc.net.0.mtu = 67", "68 to 65535"},
        Case{"lxc.net.0.ipv6.address = fd00::2/64\nlxc.net.0.mtu = 1279", "IPv6 needs 1280"}}) {
    const auto made = plan_with_root("lxc.net.0.type = veth\n" + now.line + "\n");
    ASSERT_FALSE(made) << now.line;
    const std::string said = made.error().render("lxc-start", "web1");
    EXPECT_THAT(said, HasSubstr(now.text));
    EXPECT_THAT(said, HasSubstr(now.line.substr(now.line.rfind('\n') + 1)));  // the line that set it
  }
}

TEST_F(StartPlan, OrdinaryInterfacesAreNot) {
  for (const std::string line :
       {"veth.pair = webv", "hwaddr = 02:00:00:00:00:01", "mtu = 68", "mtu = 1279\nlxc.net.0.ipv4.address = 10.0.3.2/24",
        "mtu = 1280\nlxc.net.0.ipv6.address = fd00::2/64"}) {
    const auto made = plan_with_root("lxc.net.0.type = veth\nlxc.net.0." + line + "\n");
    EXPECT_TRUE(made) << made.error().render("lxc-start", "web1");
  }
}

TEST_F(StartPlan, TheHostsInitIsNotRunOnTheHostsFiles) {
  const auto refused = plan("lxc.uts.name = web1\n");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().line(), HasSubstr("no root file system"));
  EXPECT_TRUE(plan("lxc.init.cmd = /bin/true\n"));
  command = {"/bin/true"};
  EXPECT_TRUE(plan("lxc.uts.name = web1\n"));
  with_init = true;
  EXPECT_TRUE(plan("lxc.uts.name = web1\n"));
}

TEST_F(StartPlan, TheTextNamesFilesOfTheHost) {
  Plan written;
  PlannedStep group;
  group.op = Op::kMakeCgroup;
  group.phase = Phase::kCaller;
  group.doing = "making the cgroup";
  group.text[0] = "/sys/fs/cgroup/lxc.payload.web1";
  PlannedStep limit = group;
  limit.op = Op::kWriteHostFile;
  limit.doing = "setting a cgroup limit";
  limit.text[0] += "/pids.max";
  limit.text[1] = "100";
  written.steps = {group, limit};
  EXPECT_EQ(to_text(written),
            "  1  caller     making the cgroup: /sys/fs/cgroup/lxc.payload.web1\n"
            "  2  caller     setting a cgroup limit: /sys/fs/cgroup/lxc.payload.web1/pids.max = 100\n");
}

TEST_F(StartPlan, DefaultNamespacesAreAllButTimeAndUser) {
  const auto made = plan_with_root("lxc.net.0.type = empty\n");
  ASSERT_TRUE(made) << made.error().render("t", "");
  const PlannedStep* clone = find(*made, Op::kClone);
  ASSERT_NE(clone, nullptr);
  EXPECT_EQ(clone->num[0], CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET);
  ASSERT_NE(find(*made, Op::kUnshare), nullptr);
  EXPECT_EQ(find(*made, Op::kUnshare)->num[0], CLONE_NEWCGROUP);
  EXPECT_EQ(find(*made, Op::kBecomeRoot), nullptr);
}

TEST_F(StartPlan, NetworkNoneSharesTheHosts) {
  const auto made = plan_with_root("lxc.net.0.type = none\n");
  ASSERT_TRUE(made);
  EXPECT_EQ(find(*made, Op::kClone)->num[0] & CLONE_NEWNET, 0);
  EXPECT_EQ(find(*made, Op::kRaiseLoopback), nullptr);
}

TEST_F(StartPlan, LoopbackIsRaisedForEmptyOnly) {
  EXPECT_NE(find(*plan_with_root("lxc.net.0.type = empty\n"), Op::kRaiseLoopback), nullptr);
  EXPECT_EQ(find(*plan_with_root(""), Op::kRaiseLoopback), nullptr);
}

TEST_F(StartPlan, KeepRemovesFromTheDefault) {
  const auto made = plan_with_root("lxc.namespace.keep = net ipc\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(find(*made, Op::kClone)->num[0], CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS);
}

TEST_F(StartPlan, AMountNamespaceIsNeeded) {
  const auto made = plan_with_root("lxc.namespace.keep = mnt\n");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().line(), HasSubstr("mount namespace of its own"));
}

TEST_F(StartPlan, IdMapIsWrittenBeforeTheContainerGoesOn) {
  const auto made = plan_with_root("lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 200000 65536\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_NE(find(*made, Op::kClone)->num[0] & CLONE_NEWUSER, 0);
  ASSERT_NE(find(*made, Op::kWriteIdMap), nullptr);
  EXPECT_EQ(find(*made, Op::kWriteIdMap)->text[1], "0 100000 65536\n");
  EXPECT_EQ(find(*made, Op::kWriteIdMap, 1)->text[1], "0 200000 65536\n");
  EXPECT_LT(position(*made, Op::kWriteIdMap),
            position(*made, Op::kRelease) == -1 ? 0 : static_cast<std::ptrdiff_t>(made->steps.size()));
  EXPECT_LT(position(*made, Op::kAwait), position(*made, Op::kBecomeRoot));
}

TEST_F(StartPlan, AnIdMapWithoutRootIsRefused) {
  const auto made = plan_with_root("lxc.idmap = u 1 100000 10\nlxc.idmap = g 0 100000 10\n");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().line(), HasSubstr("no root user"));
  EXPECT_EQ(made.error().origin().line, 2U);
}

TEST_F(StartPlan, CapabilityListsBecomeOneMask) {
  const auto drop = plan_with_root("lxc.cap.drop = sys_module sys_time\nlxc.cap.drop = mknod\n");
  ASSERT_TRUE(drop);
  EXPECT_EQ(static_cast<std::uint64_t>(find(*drop, Op::kCapabilities)->num[0]), ~((1ULL << 16) | (1ULL << 25) | (1ULL << 27)));
  const auto keep = plan_with_root("lxc.cap.keep = chown\n");
  ASSERT_TRUE(keep);
  EXPECT_EQ(find(*keep, Op::kCapabilities)->num[0], 1);
  EXPECT_EQ(find(*plan_with_root(""), Op::kCapabilities), nullptr);
}

TEST_F(StartPlan, HooksOfVersionZeroGetArguments) {
  const auto made = plan_with_root("lxc.hook.pre-start = /bin/hook one\n");
  ASSERT_TRUE(made);
  const PlannedStep* hook = find(*made, Op::kHostHook);
  ASSERT_NE(hook, nullptr);
  EXPECT_EQ(hook->list[0][2], "exec /bin/hook one 'web1' lxc pre-start");
  EXPECT_THAT(hook->list[1], testing::Contains("LXC_NAME=web1"));
  EXPECT_THAT(hook->list[1], Not(testing::Contains("LXC_NAME=stale")));
  EXPECT_THAT(hook->list[1], testing::Contains("HOME=/root"));
}

TEST_F(StartPlan, HooksOfVersionOneGetTheEnvironmentOnly) {
  const auto made = plan_with_root("lxc.hook.version = 1\nlxc.hook.pre-start = /bin/hook\n");
  const PlannedStep* hook = find(*made, Op::kHostHook);
  ASSERT_NE(hook, nullptr);
  EXPECT_EQ(hook->list[0][2], "exec /bin/hook");
  EXPECT_THAT(hook->list[1], testing::Contains("LXC_HOOK_TYPE=pre-start"));
}

TEST_F(StartPlan, TheMonitorIsAwaitedOnlyWhenItHasWork) {
  EXPECT_EQ(find(*plan_with_root(""), Op::kAwait), nullptr);
  const auto made = plan_with_root("lxc.prlimit.nofile = 1024\n");
  ASSERT_TRUE(made);
  EXPECT_NE(find(*made, Op::kAwait), nullptr);
  EXPECT_LT(position(*made, Op::kProcessLimit), static_cast<std::ptrdiff_t>(made->steps.size()));
}

TEST_F(StartPlan, ExecuteRunsTheCommandUnderInit) {
  with_init = true;
  command = {"true"};
  const auto made = plan("");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(find(*made, Op::kExec)->list[0], (std::vector<std::string>{"berth-init", "--", "true"}));
  EXPECT_GE(find(*made, Op::kExec)->num[0], 0);
  EXPECT_EQ(find(*made, Op::kPivotRoot), nullptr);
}

TEST_F(StartPlan, ExecuteWithoutACommandIsRefused) {
  with_init = true;
  const auto made = plan("");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().line(), HasSubstr("no command"));
}

TEST_F(StartPlan, TheFilterMeetsAsLittleOfTheStartAsPossible) {
  seccomp.emplace();
  seccomp->program = std::string(16, '\x06');
  seccomp->policy = "/x";
  const auto made = plan_with_root("lxc.seccomp.profile = /x\nlxc.no_new_privs = 1\n");
  ASSERT_TRUE(made);
  EXPECT_LT(position(*made, Op::kNoNewPrivileges), position(*made, Op::kSeccompFilter));
  EXPECT_LT(position(*made, Op::kSession), position(*made, Op::kSeccompFilter));
  EXPECT_EQ(position(*made, Op::kSeccompFilter) + 1, position(*made, Op::kSetIds));
  const PlannedStep& step = *find(*made, Op::kSeccompFilter);
  EXPECT_EQ(step.origin.line, 2U);
  EXPECT_EQ(step.num[0], 0);
  EXPECT_THAT(step.doing, HasSubstr("the seccomp filter of /x"));
  const auto hooked = plan_with_root("lxc.seccomp.profile = /x\nlxc.hook.start = /bin/true\n");
  ASSERT_TRUE(hooked);
  EXPECT_LT(position(*hooked, Op::kPivotRoot), position(*hooked, Op::kSeccompFilter));
  EXPECT_EQ(position(*hooked, Op::kSeccompFilter) + 1, position(*hooked, Op::kHook)) << "start hooks are confined too";
  EXPECT_EQ(find(*hooked, Op::kSeccompFilter, 1), nullptr) << "once";
}

TEST_F(StartPlan, EveryStepSaysWhatItDoes) {
  const auto made = plan_with_root(
      "lxc.net.0.type = empty\nlxc.mount.auto = proc sys cgroup:mixed:force\nlxc.tty.max = 2\nlxc.pty.max = 5\nlxc.cap.drop = "
      "mknod\n"
      "lxc.hook.start-host = true\nlxc.sysctl.net.ipv4.ip_forward = 1\nlxc.init.cwd = /tmp\n");
  ASSERT_TRUE(made) << made.error().line();
  for (const PlannedStep& step : made->steps) {
    EXPECT_FALSE(step.doing.empty()) << op_name(step.op);
    EXPECT_NE(op_name(step.op), "unknown");
  }
}

TEST_F(StartPlan, TheBlobReadsBackAsThePlan) {
  const auto made = plan_with_root("lxc.net.0.type = empty\nlxc.hook.mount = true\nlxc.environment = A=1\n");
  ASSERT_TRUE(made);
  const std::string bytes = encode(*made);
  const child::BlobView view(bytes.data(), bytes.size());
  ASSERT_TRUE(view.valid());
  ASSERT_EQ(view.step_count(), made->steps.size());
  for (std::uint32_t i = 0; i < view.step_count(); ++i) {
    const child::Step& step = view.step(i);
    const PlannedStep& planned = made->steps[i];
    EXPECT_EQ(step.op, planned.op);
    EXPECT_EQ(view.text(step.doing), planned.doing);
    for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(view.text(step.text[k]), planned.text[k]);
    ASSERT_EQ(view.list(step.list[0]).size(), planned.list[0].size());
    for (std::uint32_t k = 0; k < planned.list[0].size(); ++k) EXPECT_EQ(view.list(step.list[0])[k], planned.list[0][k]);
  }
  EXPECT_STREQ(view.text(view.settings().name), "web1");
}

TEST_F(StartPlan, JsonHoldsEveryStep) {
  const auto made = plan_with_root("");
  ASSERT_TRUE(made);
  const auto parsed = nlohmann::json::parse(to_json(*made));
  EXPECT_EQ(parsed["steps"].size(), made->steps.size());
  EXPECT_EQ(parsed["steps"][0]["step"], 1);
}

TEST_F(StartPlan, WhereMessagesGo) {
  const Settings settings = plan_with_root("lxc.log.syslog = local3\nlxc.log.file = none\nlxc.log.level = INFO").value().settings;
  EXPECT_EQ(settings.syslog_facility, 19U << 3);
  EXPECT_EQ(settings.log_file, "");
  EXPECT_EQ(settings.log_level, 2U);
  EXPECT_EQ(plan_with_root("").value().settings.log_level, 5U);
}

TEST_F(StartPlan, TheOverlappingLineOfAnIdMapIsNamed) {
  const auto refused = plan_with_root("lxc.idmap = u 0 1000 10\nlxc.idmap = g 0 1000 10\nlxc.idmap = u 9 5000 1\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().origin().line, 4U);
  EXPECT_THAT(refused.error().line(), HasSubstr("overlaps"));
}

TEST_F(StartPlan, NameServersAreWrittenIntoTheContainersRootAlone) {
  const std::string network = "lxc.net.0.type = veth\nlxc.net.0.dns = 192.0.2.53 2001:db8::53\n";
  const auto planned = plan_with_root(network);
  ASSERT_TRUE(planned) << planned.error().line();
  const PlannedStep* step = find(*planned, Op::kReplaceFile);
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->text[0], "etc/resolv.conf");
  EXPECT_THAT(step->text[1], HasSubstr("\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n"));
  EXPECT_EQ(step->origin.text, "lxc.net.0.dns = 192.0.2.53 2001:db8::53");
  EXPECT_LT(position(*planned, Op::kReplaceFile), position(*planned, Op::kPivotRoot));
  command = {"/bin/true"};
  const auto refused = plan(network);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().line(), HasSubstr("the host's own /etc/resolv.conf"));
}

}  // namespace
}  // namespace berth::plan
