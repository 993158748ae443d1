// The root file system of a start, and what is mounted in it.
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "start_plan_fixture.hpp"

namespace berth::plan {
namespace {

class StartPlanRoot : public StartPlan {};

RootMount on_a_device() {
  return {.fstype = "ext4", .device = "/dev/loop77", .options = {{"data", "ordered"}}, .hold = "/dev/loop77"};
}

TEST_F(StartPlanRoot, ARootOnADeviceIsMountedByTheMonitorInEachRun) {
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

TEST_F(StartPlanRoot, AnIdmappedRootOnADeviceGetsTheContainersIds) {
  storage_root = on_a_device();
  const auto made = plan("lxc.rootfs.path = loop:/srv/web1\nlxc.rootfs.mount = " + root +
                         "\nlxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.rootfs.options = idmap=container\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(find(*made, Op::kSendRoot)->text[1], "container");
  EXPECT_EQ(find(*made, Op::kSendIdmappedTree), nullptr);
}

TEST_F(StartPlanRoot, WhatAStoreHasConnectedIsReleasedLast) {
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

TEST_F(StartPlanRoot, AnOverlayIsMountedWherePreMountHooksAreSeen) {
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

TEST_F(StartPlanRoot, ADirectoryThatAStoreMountedIsBoundFromThere) {
  storage_root = RootMount{.directory = root, .releases = {{"zfs", "unmount", "lxc/web1"}}};
  const auto made = plan("lxc.rootfs.path = zfs:lxc/web1\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(find(*made, Op::kAttachRoot)->text[0], root);
  EXPECT_EQ(find(*made, Op::kAttachRoot)->num[2], static_cast<std::int64_t>(child::Tree::kPath));
}

TEST_F(StartPlanRoot, IdmappedRootComesFromTheMonitor) {
  const auto made =
      plan_with_root("lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.rootfs.options = idmap=container\n");
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(find(*made, Op::kAttachRoot)->num[2], static_cast<std::int64_t>(child::Tree::kReceived));
  ASSERT_NE(find(*made, Op::kSendIdmappedTree), nullptr);
  EXPECT_EQ(find(*made, Op::kSendIdmappedTree)->text[0], root);
}

TEST_F(StartPlanRoot, IdmapOptionNeedsAMap) {
  const auto made = plan_with_root("lxc.rootfs.options = idmap=container\n");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().origin().line, 2U);
}

TEST_F(StartPlanRoot, MissingRootIsNamedWithItsLine) {
  const auto made = plan("lxc.uts.name = web1\nlxc.rootfs.path = dir:/no/such/root\n");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ENOENT);
  EXPECT_EQ(made.error().origin().line, 2U);
  EXPECT_THAT(made.error().cause(), HasSubstr("/no/such/root"));
}

TEST_F(StartPlanRoot, ProcMixedMakesOnlyTheNetworkPartWritable) {
  const auto made = plan_with_root("lxc.mount.auto = proc:mixed\n");
  ASSERT_TRUE(made);
  EXPECT_EQ(find(*made, Op::kBind)->text[1], "proc/sys");
  EXPECT_EQ(find(*made, Op::kBind, 1)->text[1], "proc/sys/net");
  EXPECT_EQ(find(*made, Op::kBind, 2)->text[1], "proc/sysrq-trigger");
}

TEST_F(StartPlanRoot, ProcSysNetStaysReadOnlyWithoutNetAdmin) {
  const auto made = plan_with_root("lxc.mount.auto = proc:mixed\nlxc.cap.drop = net_admin\n");
  ASSERT_TRUE(made);
  EXPECT_EQ(find(*made, Op::kBind, 1)->text[1], "proc/sysrq-trigger");
}

TEST_F(StartPlanRoot, MountTargetsAreBelowTheRoot) {
  const auto inside = plan_with_root("lxc.mount.entry = /srv " + root + "/srv none bind,create=dir 0 0\n");
  ASSERT_TRUE(inside) << inside.error().line();
  EXPECT_EQ(find(*inside, Op::kBind)->text[1], "srv");
  const auto outside = plan_with_root("lxc.mount.entry = /srv /etc none bind 0 0\n");
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().origin().line, 2U);
  EXPECT_THAT(outside.error().hint(), HasSubstr("relative to the root: etc"));
}

TEST_F(StartPlanRoot, AnAbsoluteMountTargetMayUseTheRealPathOfTheRoot) {
  std::filesystem::create_symlink(root, directory + "/link");
  const std::string linked = "lxc.rootfs.path = " + directory + "/link\n";
  const auto inside = plan(linked + "lxc.mount.entry = /srv " + root + "/srv none bind,create=dir 0 0\n");
  ASSERT_TRUE(inside) << inside.error().line();
  EXPECT_EQ(find(*inside, Op::kBind)->text[1], "srv");
  EXPECT_FALSE(plan(linked + "lxc.mount.entry = /srv " + root + "beside/srv none bind 0 0\n"));
}

TEST_F(StartPlanRoot, FstabLinesKeepTheirPlace) {
  std::ofstream(directory + "/fstab") << "# a comment\ntmpfs run tmpfs size=1m 0 0\n";
  const auto made = plan_with_root("lxc.mount.fstab = " + directory + "/fstab\n");
  ASSERT_TRUE(made) << made.error().line();
  const PlannedStep* mount = find(*made, Op::kMountFilesystem, 1);  // after /dev
  ASSERT_NE(mount, nullptr);
  EXPECT_EQ(mount->text[2], "run");
  EXPECT_EQ(mount->origin.file, directory + "/fstab");
  EXPECT_EQ(mount->origin.line, 2U);
}

TEST_F(StartPlanRoot, TheLayersThatAMountWritesToAreMadeInTheContainersDirectory) {
  const std::string own = directory + "/web1";
  std::filesystem::create_directories(own + "/there");
  const auto entry = [&](const std::string& upper, const std::string& work) {
    return "lxc.mount.entry = none mnt overlay lowerdir=" + root + ",upperdir=" + upper + ",workdir=" + work + "\n";
  };
  const Plan made = plan_with_root(entry(own + "/delta", own + "/there")).value();
  const PlannedStep* upper = find(made, Op::kEnsureDirectory);
  ASSERT_NE(upper, nullptr);
  EXPECT_EQ(upper->text[0], own + "/delta");
  EXPECT_EQ(upper->num[0], 0755);
  EXPECT_EQ(upper->origin.line, 2U);
  EXPECT_LT(position(made, Op::kEnsureDirectory), position(made, Op::kClone));
  EXPECT_EQ(find(made, Op::kEnsureDirectory, 1), nullptr);
  EXPECT_EQ(find(plan_with_root(entry(directory + "/other", own + "/../other")).value(), Op::kEnsureDirectory), nullptr);
  const std::string inside = own + "/rootfs";
  std::filesystem::create_directories(inside);
  EXPECT_EQ(find(plan("lxc.rootfs.path = " + inside + "\n" + entry(inside + "/u", inside + "/w")).value(), Op::kEnsureDirectory),
            nullptr);
}

TEST_F(StartPlanRoot, UnsupportedStorageIsRefused) { EXPECT_FALSE(plan("lxc.rootfs.path = loop:/x\n")); }

TEST_F(StartPlanRoot, ASharedDirectoryIsMadeByTheCallerAndTakenBack) {
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

TEST_F(StartPlanRoot, ADirectoryThatIsThereIsNotRemoved) {
  const Plan made = plan_with_root("lxc.mount.auto = shmounts:" + directory).value();
  ASSERT_NE(find(made, Op::kShareDirectory), nullptr);
  EXPECT_EQ(find(made, Op::kShareDirectory)->text[1], "");
  EXPECT_EQ(plan_with_root("lxc.mount.auto = shmounts:/").error().code(), EINVAL);
}

}  // namespace
}  // namespace berth::plan
