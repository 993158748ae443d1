#include "monitor/schedule.hpp"

#include "fixtures.hpp"
#include "runtime/host_steps.hpp"

namespace berth::monitor {
namespace {

using child::Op;
using child::Phase;

class ScheduleTest : public ::testing::Test {
 protected:
  ScheduleTest() {
    add(Phase::kCaller, Op::kMakeCgroup, child::kStepOnReboot);  // 0
    undo(1);                                                     // 1
    add(Phase::kCaller, Op::kMakeCgroup, 0);                     // 2
    undo(3);                                                     // 3
    add(Phase::kPrepare, Op::kHostHook, child::kStepOnReboot);   // 4
    add(Phase::kPrepare, Op::kPrivateMounts, 0);                 // 5
    add(Phase::kPrepare, Op::kClone, child::kStepOnReboot);      // 6
    add(Phase::kContainer, Op::kExec, 0);                        // 7
    add(Phase::kParallel, Op::kAwaitRunning, 0);                 // 8
    plan.add(Phase::kStop, Op::kHostHook).text[1] = "stop";      // 9
  }
  void add(Phase phase, Op op, std::uint32_t flags) { plan.add(phase, op).flags = flags; }
  void undo(std::uint32_t number) { plan.add(Phase::kUndo, Op::kRemoveCgroup).undoes = number; }

  test::EncodedPlan plan;
};

TEST_F(ScheduleTest, StartsWithThePreparationThenWorksBesideTheContainer) {
  EXPECT_EQ((StepList{4, 5, 6, 8}), start_steps(plan.blob(), false));
}

TEST_F(ScheduleTest, ARebootRepeatsWhatIsMarked) { EXPECT_EQ((StepList{0, 4, 6, 8}), start_steps(plan.blob(), true)); }

TEST_F(ScheduleTest, UndoesOnlyWhatWasDoneNewestFirst) {
  std::vector<bool> done(10);
  EXPECT_EQ(StepList{}, undo_steps(plan.blob(), done, false));
  done[0] = true;
  EXPECT_EQ(StepList{1}, undo_steps(plan.blob(), done, false));
  done[2] = true;
  EXPECT_EQ((StepList{3, 1}), undo_steps(plan.blob(), done, false));
  EXPECT_EQ(StepList{1}, undo_steps(plan.blob(), done, true)) << "the other one stays over a reboot";
}

TEST_F(ScheduleTest, StopHooksRunOnlyAfterPreStartHooks) {
  std::vector<bool> done(10);
  EXPECT_FALSE(prepared(plan.blob(), done));
  done[4] = true;
  EXPECT_TRUE(prepared(plan.blob(), done));
  EXPECT_EQ(StepList{9}, stop_steps(plan.blob()));
  EXPECT_TRUE(wants_namespaces(plan.blob()));
}

TEST(HostCgroups, OnlyGroupsOfTheContainerAreItsOwn) {
  test::EncodedPlan plan;
  plan.plan.settings.cgroup_paths = {"cpu", "/lxc.payload.a/inner", "/lxc.payload.a", "/sys/fs/cgroup/cpu", "", "/",
                                     "/",   "/sys/fs/cgroup"};
  const child::BlobView& blob = plan.blob();
  EXPECT_TRUE(runtime::is_payload_group(blob, "/sys/fs/cgroup/cpu/lxc.payload.a"));
  EXPECT_TRUE(runtime::is_payload_group(blob, "/sys/fs/cgroup/cpu/lxc.payload.a/inner"));
  EXPECT_FALSE(runtime::is_payload_group(blob, "/sys/fs/cgroup/cpu/lxc.payload.ab"));
  EXPECT_FALSE(runtime::is_payload_group(blob, "/sys/fs/cgroup/cpu"));
  EXPECT_FALSE(runtime::is_payload_group(blob, "/sys/fs/cgroup/cpu/lxc.monitor.a")) << "a whole hierarchy is nobody's own";
}

}  // namespace
}  // namespace berth::monitor
