// What is said of a step of a start that failed.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "plan/explanations.hpp"
#include "start_plan_fixture.hpp"

namespace berth::plan {
namespace {

class StartPlanFailure : public StartPlan {};

TEST_F(StartPlanFailure, TheKernelsReasonForARefusedFileSystemIsTold) {
  storage_root = RootMount{.fstype = "ext4", .device = "/dev/loop77"};
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

TEST_F(StartPlanFailure, AFailedStepIsToldWithReasonLineAndWayOut) {
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

TEST_F(StartPlanFailure, AMissingInitIsToldFromAMissingInterpreter) {
  const auto made = plan_with_root("");
  ASSERT_TRUE(made);
  const auto failure = failure_of(*made, Op::kExec, ENOENT, "execve", "/sbin/init");
  EXPECT_EQ(explain(*made, failure).because(), "the root file system has no /sbin/init");
  std::ofstream(root + "/sbin/init") << "#!/usr/bin/perl\n";
  EXPECT_EQ(explain(*made, failure).because(), "its interpreter /usr/bin/perl is not in the root file system");
}

TEST_F(StartPlanFailure, AnInitForAnotherMachineIsRecognised) {
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

TEST_F(StartPlanFailure, AnInitWithoutTheExecuteBitIsRecognised) {
  const auto made = plan_with_root("");
  std::ofstream(root + "/sbin/init") << "x";
  const auto failure = failure_of(*made, Op::kExec, EACCES, "execve", "/sbin/init");
  EXPECT_EQ(explain(*made, failure).because(), "it is not executable");
}

TEST_F(StartPlanFailure, AHookIsToldWithItsOutput) {
  const auto made = plan_with_root("lxc.hook.mount = /bin/hook\n");
  auto failure = failure_of(*made, Op::kHook, ECANCELED, "hook", "/bin/hook, exit status 3");
  std::snprintf(failure.output, sizeof failure.output, "no luck\n");
  const std::string text = explain(*made, failure).render("p", "n");
  EXPECT_THAT(text, HasSubstr("the hook failed: /bin/hook, exit status 3\n  | no luck\n"));
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
