#include "plan/attach_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include "child/attach_steps.hpp"
#include "child/blob.hpp"

namespace berth::plan {
namespace {

using child::Op;
using child::Phase;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Op> ops(const Plan& plan, Phase phase) {
  std::vector<Op> result;
  for (const PlannedStep& step : plan.steps) {
    if (step.phase == phase) result.push_back(step.op);
  }
  return result;
}

PlannedStep only(const Plan& plan, Op op) {
  const PlannedStep* found = nullptr;
  for (const PlannedStep& step : plan.steps) {
    if (step.op != op) continue;
    EXPECT_EQ(found, nullptr) << "more than one step";
    found = &step;
  }
  if (found == nullptr) throw std::runtime_error("no such step");
  return *found;
}

AttachSpec full_spec() {
  AttachSpec spec;
  spec.command = {"id", "-u"};
  spec.environment = {"A=1"};
  spec.namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID;
  spec.tasks = {"/sys/fs/cgroup/cpu/lxc.payload.x/tasks", "/sys/fs/cgroup/pids/lxc.payload.x/tasks"};
  spec.limits = {{RLIMIT_NOFILE, 10, 20}};
  spec.cwd = "/root";
  spec.personality = 8;
  spec.capabilities = 0xff;
  spec.no_new_privileges = true;
  spec.uid = 1000;
  spec.gid = 1001;
  spec.terminal = AttachTerminal::kContainer;
  return spec;
}

TEST(PlanAttach, EntersLastOutsideAndDropsRightsLastInside) {
  const Plan plan = plan_attach(full_spec());
  EXPECT_THAT(ops(plan, Phase::kPrepare), ElementsAre(Op::kJoinCgroup, Op::kJoinCgroup, Op::kProcessLimit, Op::kEnterNamespaces));
  EXPECT_THAT(ops(plan, Phase::kContainer),
              ElementsAre(Op::kBecomeRoot, Op::kAttachPty, Op::kSession, Op::kEnterDirectory, Op::kPersonality, Op::kCapabilities,
                          Op::kNoNewPrivileges, Op::kSetIds, Op::kExecCommand));
}

TEST(PlanAttach, TheFilterIsLoadedBeforeIdsTakeTheRightAway) {
  AttachSpec spec = full_spec();
  spec.seccomp.emplace();
  spec.seccomp->program = std::string(16, '\0');
  spec.seccomp->notifies = true;
  const Plan plan = plan_attach(spec);
  EXPECT_THAT(ops(plan, Phase::kContainer),
              ElementsAre(Op::kBecomeRoot, Op::kAttachPty, Op::kSession, Op::kEnterDirectory, Op::kPersonality, Op::kCapabilities,
                          Op::kNoNewPrivileges, Op::kSeccompFilter, Op::kSetIds, Op::kExecCommand));
  EXPECT_EQ(only(plan, Op::kSeccompFilter).block.size(), 16U);
  EXPECT_EQ(only(plan, Op::kSeccompFilter).num[0], 1);
}

TEST(PlanAttach, CarriesTheValues) {
  const Plan plan = plan_attach(full_spec());
  EXPECT_EQ(only(plan, Op::kEnterNamespaces).num[1], CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID);
  const PlannedStep limit = only(plan, Op::kProcessLimit);
  EXPECT_EQ(limit.num[0], RLIMIT_NOFILE);
  EXPECT_EQ(limit.num[1], 10);
  EXPECT_EQ(limit.num[2], 20);
  const PlannedStep ids = only(plan, Op::kSetIds);
  EXPECT_EQ(ids.num[0], 1000);
  EXPECT_EQ(ids.num[1], 1001);
  EXPECT_EQ(ids.num[2], 0) << "becoming root has dropped the groups, where that is allowed";
  const PlannedStep exec = only(plan, Op::kExecCommand);
  EXPECT_THAT(exec.list[0], ElementsAre("id", "-u"));
  EXPECT_THAT(exec.list[1], ElementsAre("A=1"));
}

TEST(PlanAttach, GivesTheSessionAwayEvenWithoutTerminal) {
  AttachSpec spec;
  const PlannedStep session = only(plan_attach(spec), Op::kSession);
  EXPECT_EQ(session.num[0], 1);
  EXPECT_EQ(session.num[1], child::kNoSlot);
}

TEST(PlanAttach, UnlimitedStaysUnlimited) {
  AttachSpec spec;
  spec.limits = {{RLIMIT_CORE, RLIM64_INFINITY, RLIM64_INFINITY}};
  EXPECT_EQ(static_cast<rlim64_t>(only(plan_attach(spec), Op::kProcessLimit).num[1]), RLIM64_INFINITY);
}

TEST(PlanAttach, OneStepANamespaceWithoutPidfds) {
  AttachSpec spec = full_spec();
  spec.by_pidfd = false;
  std::vector<std::pair<std::int64_t, std::int64_t>> entered;  // slot, type
  for (const PlannedStep& step : plan_attach(spec).steps) {
    if (step.op == Op::kEnterNamespace) entered.emplace_back(step.num[0], step.num[1]);
  }
  EXPECT_THAT(entered, ElementsAre(std::pair(1, CLONE_NEWUSER), std::pair(2, CLONE_NEWNS), std::pair(3, CLONE_NEWPID)));
}

TEST(PlanAttach, HostTerminalIsMadeBeforeEntering) {
  AttachSpec spec = full_spec();
  spec.terminal = AttachTerminal::kHost;
  const Plan plan = plan_attach(spec);
  EXPECT_EQ(ops(plan, Phase::kPrepare).front(), Op::kHostPty);
  EXPECT_EQ(only(plan, Op::kAttachPty).num[2], child::kAttachPtmxSlot);
}

TEST(PlanAttach, RemountsOnlyOutsideOfTheContainersMounts) {
  AttachSpec spec = full_spec();
  spec.remount_sys_proc = true;
  EXPECT_THAT(ops(plan_attach(spec), Phase::kContainer), testing::Not(testing::Contains(Op::kFreshProcSys)));
  spec.namespaces = CLONE_NEWNET;
  EXPECT_THAT(ops(plan_attach(spec), Phase::kContainer), testing::Contains(Op::kFreshProcSys));
}

TEST(PlanAttach, ElevatedLeavesCapabilitiesAlone) {
  AttachSpec spec;
  spec.capabilities.reset();
  EXPECT_THAT(ops(plan_attach(spec), Phase::kContainer), testing::Not(testing::Contains(Op::kCapabilities)));
}

TEST(PlanAttach, GroupsAreDroppedWhereRootOfTheHostAttaches) {
  AttachSpec spec;
  spec.namespaces = CLONE_NEWPID;
  spec.uid = 0;
  const PlannedStep ids = only(plan_attach(spec), Op::kSetIds);
  EXPECT_EQ(ids.num[2], 1);
  EXPECT_THAT(ids.list[0], IsEmpty());
  EXPECT_EQ(ids.num[1], -1) << "the group was not asked for";
}

TEST(PlanAttach, TheHelperReadsWhatWasPlanned) {
  const std::string blob = encode(plan_attach(full_spec()));
  const child::BlobView view(blob.data(), blob.size());
  ASSERT_TRUE(view.valid());
  const child::Step& last = view.step(view.step_count() - 1);
  EXPECT_EQ(last.op, Op::kExecCommand);
  EXPECT_STREQ(view.list(last.list[0])[1], "-u");
}

TEST(AttachEnvironment, KeepsEverythingByDefault) {
  EXPECT_THAT(attach_environment({"PATH=/bin", "TERM=xterm"}, {}), ElementsAre("PATH=/bin", "TERM=xterm", "container=lxc"));
}

TEST(AttachEnvironment, ClearKeepsWhatIsNamedAndAPath) {
  const AttachEnvironmentRules rules{true, {"TERM"}, {}, {}};
  EXPECT_THAT(attach_environment({"PATH=/opt", "TERM=xterm", "TERMCAP=x"}, rules),
              ElementsAre("TERM=xterm", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=lxc"));
}

TEST(AttachEnvironment, LaterOnesWin) {
  const AttachEnvironmentRules rules{false, {}, {"A=configured", "B=configured"}, {"B=asked", "C=a=b"}};
  EXPECT_THAT(attach_environment({"PATH=/bin", "A=own", "container=docker"}, rules),
              ElementsAre("PATH=/bin", "A=configured", "container=lxc", "B=asked", "C=a=b"));
}

TEST(InitStatus, ReadsTheLinesOfTheKernel) {
  const InitStatus status = parse_init_status("Name:\tinit\nCapBnd:\t000001fffedfffff\nNoNewPrivs:\t1\n");
  EXPECT_EQ(status.bounding, 0x1fffedfffffULL);
  EXPECT_TRUE(status.no_new_privileges);
}

TEST(InitStatus, AKernelWithoutTheLineHasNoRestriction) {
  const InitStatus status = parse_init_status("Name:\tinit\nCapBnd:\tffff\n");
  EXPECT_FALSE(status.no_new_privileges);
  EXPECT_EQ(status.bounding, 0xffffU);
}

}  // namespace
}  // namespace berth::plan
