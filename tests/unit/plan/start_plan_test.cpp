#include "plan/start_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "child/blob.hpp"
#include "config/parser.hpp"
#include "plan/explanations.hpp"

namespace berth::plan {
namespace {

using child::Op;
using child::Phase;
using testing::HasSubstr;
using testing::Not;

// A container's root and configuration in a directory of its own.
class StartPlan : public testing::Test {
 protected:
  StartPlan() {
    char name[] = "/tmp/berth-plan-XXXXXX";
    directory = ::mkdtemp(name);
    root = directory + "/rootfs";
    std::filesystem::create_directories(root + "/sbin");
  }
  ~StartPlan() override { std::filesystem::remove_all(directory); }

  Result<Plan> plan(const std::string& text) {
    conf = {};
    if (auto loaded = config::load_text(conf, text, "config"); !loaded) return std::unexpected(std::move(loaded.error()));
    StartInputs inputs{.conf = conf,
                       .name = "web1",
                       .lxcpath = directory,
                       .config_file = directory + "/config",
                       .cgroups = {},
                       .cgroup_pattern = {},
                       .command = command,
                       .shared_namespaces = {},
                       .caller_environment = {"HOME=/root", "LXC_NAME=stale"},
                       .console_path = {},
                       .console_log = {},
                       .pid_file = {},
                       .log_prefix = {},
                       .log_file = {},
                       .log_level = {}};
    inputs.with_init = with_init;
    inputs.foreground = foreground;
    inputs.seccomp = seccomp;
    inputs.root = storage_root;
    return plan_start(inputs);
  }
  Result<Plan> plan_with_root(const std::string& text) { return plan("lxc.rootfs.path = " + root + "\n" + text); }

  static const PlannedStep* find(const Plan& plan, Op op, std::size_t skip = 0) {
    for (const PlannedStep& step : plan.steps) {
      if (step.op == op && skip-- == 0) return &step;
    }
    return nullptr;
  }
  static std::ptrdiff_t position(const Plan& plan, Op op) {
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      if (plan.steps[i].op == op) return static_cast<std::ptrdiff_t>(i);
    }
    return -1;
  }

  std::string directory, root;
  config::Conf conf;
  std::vector<std::string> command;
  std::optional<security::CompiledFilter> seccomp;
  std::optional<RootMount> storage_root;
  bool with_init = false, foreground = false;
};

RootMount on_a_device() {
  return {.fstype = "ext4", .device = "/dev/loop77", .options = {{"data", "ordered"}}, .hold = "/dev/loop77"};
}

TEST_F(StartPlan, ARootOnADeviceIsMountedByTheMonitorInEachRun) {
  storage_root = on_a_device();
  const auto made = plan("lxc.rootfs.path = loop:/srv/web1\nlxc.rootfs.mount = " + root +
                         "\nlxc.rootfs.options = ro,noatime,errors=continue,barrier\n");
  ASSERT_TRUE(made) << made.error().line();
  const PlannedStep* send = find(*made, Op::kSendRoot);
  ASSERT_NE(send, nullptr);
  EXPECT_EQ(send->phase, Phase::kParallel);  // all of them are done again at a reboot
  EXPECT_EQ(send->text[2], "ext4");
  EXPECT_EQ(send->text[1], "");
  EXPECT_THAT(send->list[0],
              testing::ElementsAre("source", "/dev/loop77", "data", "ordered", "errors", "continue", "barrier", "", "ro", ""));
  const PlannedStep* attach = find(*made, Op::kAttachRoot);
  EXPECT_EQ(attach->num[2], static_cast<std::int64_t>(child::Tree::kReceived));
  EXPECT_EQ(attach->text[1], root);
  EXPECT_EQ(attach->num[0], 1 | 1024);  // MS_RDONLY, MS_NOATIME
  const PlannedStep& first = made->steps.front();
  EXPECT_EQ(first.op, Op::kOpenSlot) << "the device is held before anything else, in all runs";
  EXPECT_EQ(first.text[0], "/dev/loop77");
  EXPECT_EQ(first.flags & child::kStepOnReboot, 0U);
  EXPECT_EQ(made->steps[1].op, Op::kCloseSlot);
  for (const PlannedStep& step : made->steps) EXPECT_EQ(step.doing.find("writable for the host"), std::string::npos);
}

TEST_F(StartPlan, AnIdmappedRootOnADeviceGetsTheContainersIds) {
  storage_root = on_a_device();
  const auto made = plan("lxc.rootfs.path = loop:/srv/web1\nlxc.rootfs.mount = " + root +
                         "\nlxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.rootfs.options = idmap=container\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(find(*made, Op::kSendRoot)->text[1], "container");
  EXPECT_EQ(find(*made, Op::kSendIdmappedTree), nullptr);
}

TEST_F(StartPlan, WhatAStoreHasConnectedIsReleasedLast) {
  storage_root = on_a_device();
  storage_root->releases = {{"qemu-nbd", "-d", "/dev/nbd3"}, {"true"}};
  const auto made = plan("lxc.rootfs.path = nbd:/srv/web1\nlxc.rootfs.mount = " + root + "\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(made->steps[0].phase, Phase::kCaller);
  std::vector<std::string> releases;
  for (const PlannedStep& step : made->steps) {
    if (step.op != Op::kHostHook) continue;
    EXPECT_EQ(step.phase, Phase::kUndo);
    EXPECT_EQ(step.undoes, 1U) << "the first step is the last to be undone";
    releases.push_back(step.text[0]);
  }
  EXPECT_THAT(releases, testing::ElementsAre("qemu-nbd -d /dev/nbd3", "true"));
}

TEST_F(StartPlan, AnOverlayIsMountedWherePreMountHooksAreSeen) {
  storage_root = RootMount{.fstype = "overlay", .options = {{"lowerdir", "/a,b:/c"}, {"upperdir", "/d"}, {"workdir", "/w"}}};
  const std::string text =
      "lxc.rootfs.path = overlay:/a,b:/c:/d\nlxc.rootfs.options = noatime,index=off\nlxc.rootfs.mount = " + root;
  const std::string mapped = "\nlxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n";
  const std::string data = "lowerdir=/a\\,b:/c,upperdir=/d,workdir=/w,index=off";
  const auto made = plan(text + "\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(find(*made, Op::kSendRoot), nullptr);
  EXPECT_EQ(find(*made, Op::kAttachRoot)->num[2], static_cast<std::int64_t>(child::Tree::kNew));
  EXPECT_EQ(find(*made, Op::kAttachRoot)->text[3], data);
  EXPECT_NE(find(*plan(text + mapped), Op::kSendRoot), nullptr) << "the container's root need not reach the layers";
  const auto hooked = plan(text + mapped + "lxc.hook.pre-mount = /bin/true\n");
  ASSERT_TRUE(hooked) << hooked.error().line();
  EXPECT_EQ(find(*hooked, Op::kSendRoot), nullptr);
  EXPECT_EQ(find(*hooked, Op::kAttachRoot)->text[3], data + ",userxattr");
}

TEST_F(StartPlan, ADirectoryThatAStoreMountedIsBoundFromThere) {
  storage_root = RootMount{.directory = root, .releases = {{"zfs", "unmount", "lxc/web1"}}};
  const auto made = plan("lxc.rootfs.path = zfs:lxc/web1\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(find(*made, Op::kAttachRoot)->text[0], root);
  EXPECT_EQ(find(*made, Op::kAttachRoot)->num[2], static_cast<std::int64_t>(child::Tree::kPath));
}

TEST_F(StartPlan, TheKernelsReasonForARefusedFileSystemIsTold) {
  storage_root = on_a_device();
  const auto made = plan("lxc.rootfs.path = loop:/srv/web1\nlxc.rootfs.mount = " + root + "\n");
  ASSERT_TRUE(made);
  child::Failure failure;
  failure.step = static_cast<std::uint32_t>(position(*made, Op::kSendRoot));
  failure.error = EINVAL;
  std::strcpy(failure.call, "fsconfig");
  std::strcpy(failure.output, "ext4: Unknown parameter 'nosuch'");
  const std::string said = explain(*made, failure).render("lxc-start", "web1");
  EXPECT_THAT(said, HasSubstr("opening the file system of /dev/loop77"));
  EXPECT_THAT(said, HasSubstr("Unknown parameter 'nosuch'"));
  EXPECT_THAT(said, HasSubstr("config:1"));
}

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

TEST_F(StartPlan, IdmappedRootComesFromTheMonitor) {
  const auto made =
      plan_with_root("lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.rootfs.options = idmap=container\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(find(*made, Op::kAttachRoot)->num[2], static_cast<std::int64_t>(child::Tree::kReceived));
  ASSERT_NE(find(*made, Op::kSendIdmappedTree), nullptr);
  EXPECT_EQ(find(*made, Op::kSendIdmappedTree)->text[0], root);
}

TEST_F(StartPlan, IdmapOptionNeedsAMap) {
  const auto made = plan_with_root("lxc.rootfs.options = idmap=container\n");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().origin().line, 2U);
}

TEST_F(StartPlan, MissingRootIsNamedWithItsLine) {
  const auto made = plan("lxc.uts.name = web1\nlxc.rootfs.path = dir:/no/such/root\n");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ENOENT);
  EXPECT_EQ(made.error().origin().line, 2U);
  EXPECT_THAT(made.error().cause(), HasSubstr("/no/such/root"));
}

TEST_F(StartPlan, ProcMixedMakesOnlyTheNetworkPartWritable) {
  const auto made = plan_with_root("lxc.mount.auto = proc:mixed\n");
  ASSERT_TRUE(made);
  EXPECT_EQ(find(*made, Op::kBind)->text[1], "proc/sys");
  EXPECT_EQ(find(*made, Op::kBind, 1)->text[1], "proc/sys/net");
  EXPECT_EQ(find(*made, Op::kBind, 2)->text[1], "proc/sysrq-trigger");
}

TEST_F(StartPlan, ProcSysNetStaysReadOnlyWithoutNetAdmin) {
  const auto made = plan_with_root("lxc.mount.auto = proc:mixed\nlxc.cap.drop = net_admin\n");
  ASSERT_TRUE(made);
  EXPECT_EQ(find(*made, Op::kBind, 1)->text[1], "proc/sysrq-trigger");
}

TEST_F(StartPlan, MountTargetsAreBelowTheRoot) {
  const auto inside = plan_with_root("lxc.mount.entry = /srv " + root + "/srv none bind,create=dir 0 0\n");
  ASSERT_TRUE(inside) << inside.error().line();
  EXPECT_EQ(find(*inside, Op::kBind)->text[1], "srv");
  const auto outside = plan_with_root("lxc.mount.entry = /srv /etc none bind 0 0\n");
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().origin().line, 2U);
  EXPECT_THAT(outside.error().hint(), HasSubstr("relative to the root: etc"));
}

TEST_F(StartPlan, AnAbsoluteMountTargetMayUseTheRealPathOfTheRoot) {
  std::filesystem::create_symlink(root, directory + "/link");
  const std::string linked = "lxc.rootfs.path = " + directory + "/link\n";
  const auto inside = plan(linked + "lxc.mount.entry = /srv " + root + "/srv none bind,create=dir 0 0\n");
  ASSERT_TRUE(inside) << inside.error().line();
  EXPECT_EQ(find(*inside, Op::kBind)->text[1], "srv");
  EXPECT_FALSE(plan(linked + "lxc.mount.entry = /srv " + root + "beside/srv none bind 0 0\n"));
}

TEST_F(StartPlan, FstabLinesKeepTheirPlace) {
  std::ofstream(directory + "/fstab") << "# a comment\ntmpfs run tmpfs size=1m 0 0\n";
  const auto made = plan_with_root("lxc.mount.fstab = " + directory + "/fstab\n");
  ASSERT_TRUE(made) << made.error().line();
  const PlannedStep* mount = find(*made, Op::kMountFilesystem, 1);  // after /dev
  ASSERT_NE(mount, nullptr);
  EXPECT_EQ(mount->text[2], "run");
  EXPECT_EQ(mount->origin.file, directory + "/fstab");
  EXPECT_EQ(mount->origin.line, 2U);
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

TEST_F(StartPlan, UnsupportedStorageIsRefused) { EXPECT_FALSE(plan("lxc.rootfs.path = loop:/x\n")); }

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

// --- explanations ----------------------------------------------------------------------------------------------------------

child::Failure failure_of(const Plan& plan, Op op, int code, const char* call, const char* object) {
  child::Failure failure;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps[i].op == op) failure.step = static_cast<std::uint32_t>(i);
  }
  failure.error = code;
  std::snprintf(failure.call, sizeof failure.call, "%s", call);
  std::snprintf(failure.object, sizeof failure.object, "%s", object);
  return failure;
}

TEST_F(StartPlan, AFailedStepIsToldWithReasonLineAndWayOut) {
  const auto made = plan_with_root("lxc.mount.entry = /no/such srv none bind,create=dir 0 0\n");
  ASSERT_TRUE(made);
  const Error error = explain(*made, failure_of(*made, Op::kBind, ENOENT, "open", "/no/such")).context("cannot start");
  const std::size_t number = static_cast<std::size_t>(position(*made, Op::kBind)) + 1;
  EXPECT_EQ(error.render("lxc-start", "web1"),
            "lxc-start: web1: cannot start\n"
            "  mounting /no/such on /srv (step " +
                std::to_string(number) + " of " + std::to_string(made->steps.size()) +
                ", in the container's mount namespace)\n"
                "  open(/no/such): No such file or directory (ENOENT)\n"
                "  because: the source does not exist\n"
                "  set by: config:2  lxc.mount.entry = /no/such srv none bind,create=dir 0 0\n"
                "  try: create it, or add the option optional to the entry\n");
}

TEST_F(StartPlan, AMissingInitIsToldFromAMissingInterpreter) {
  const auto made = plan_with_root("");
  ASSERT_TRUE(made);
  const auto failure = failure_of(*made, Op::kExec, ENOENT, "execve", "/sbin/init");
  EXPECT_EQ(explain(*made, failure).because(), "the root file system has no /sbin/init");
  std::ofstream(root + "/sbin/init") << "#!/usr/bin/perl\n";
  EXPECT_EQ(explain(*made, failure).because(), "its interpreter /usr/bin/perl is not in the root file system");
}

TEST_F(StartPlan, AnInitForAnotherMachineIsRecognised) {
  const auto made = plan_with_root("");
  ASSERT_TRUE(made);
  std::string elf(64, '\0');
  elf.replace(0, 4, "\177ELF");
  elf[4] = 2;
  elf[18] = static_cast<char>(0xb7);  // EM_AARCH64
  std::ofstream(root + "/sbin/init") << elf;
  const auto failure = failure_of(*made, Op::kExec, ENOEXEC, "execve", "/sbin/init");
  EXPECT_THAT(explain(*made, failure).because(), HasSubstr("it is built for aarch64"));
}

TEST_F(StartPlan, AnInitWithoutTheExecuteBitIsRecognised) {
  const auto made = plan_with_root("");
  std::ofstream(root + "/sbin/init") << "x";
  const auto failure = failure_of(*made, Op::kExec, EACCES, "execve", "/sbin/init");
  EXPECT_EQ(explain(*made, failure).because(), "it is not executable");
}

TEST_F(StartPlan, AHookIsToldWithItsOutput) {
  const auto made = plan_with_root("lxc.hook.mount = /bin/hook\n");
  auto failure = failure_of(*made, Op::kHook, ECANCELED, "hook", "/bin/hook, exit status 3");
  std::snprintf(failure.output, sizeof failure.output, "no luck\n");
  const std::string text = explain(*made, failure).render("p", "n");
  EXPECT_THAT(text, HasSubstr("the hook failed: /bin/hook, exit status 3\n  | no luck\n"));
}

TEST_F(StartPlan, ASharedDirectoryIsMadeByTheCallerAndTakenBack) {
  const Plan made = plan_with_root("lxc.mount.auto = shmounts:" + directory + "/a/b/:/srv/in").value();
  const PlannedStep* share = find(made, Op::kShareDirectory);
  ASSERT_NE(share, nullptr);
  EXPECT_EQ(share->phase, Phase::kCaller);
  EXPECT_EQ(share->text[0], directory + "/a/b");
  EXPECT_EQ(share->text[1], directory + "/a");
  const PlannedStep* undo = find(made, Op::kUnshareDirectory);
  ASSERT_NE(undo, nullptr);
  EXPECT_EQ(undo->phase, Phase::kUndo);
  EXPECT_EQ(&made.steps[undo->undoes - 1], share);
  EXPECT_EQ(undo->text[1], directory + "/a");
  bool bound = false;
  for (const PlannedStep& step : made.steps)
    bound = bound || (step.op == Op::kBind && step.text[0] == directory + "/a/b" && step.text[1] == "srv/in");
  EXPECT_TRUE(bound);
}

TEST_F(StartPlan, ADirectoryThatIsThereIsNotRemoved) {
  const Plan made = plan_with_root("lxc.mount.auto = shmounts:" + directory).value();
  ASSERT_NE(find(made, Op::kShareDirectory), nullptr);
  EXPECT_EQ(find(made, Op::kShareDirectory)->text[1], "");
  EXPECT_EQ(plan_with_root("lxc.mount.auto = shmounts:/").error().code(), EINVAL);
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

TEST(Limits, AKernelThatLacksAPartIsTold) {
  PlannedStep step;
  step.op = Op::kNetlink;
  step.text[1] = "bucket";
  child::Failure failure;
  failure.error = ENOENT;
  EXPECT_THAT(look_up({}, step, failure).because, HasSubstr("sch_tbf"));
  step.text[1] = "redirection";
  EXPECT_THAT(look_up({}, step, failure).hint, HasSubstr("act_mirred"));
}

}  // namespace
}  // namespace berth::plan
