#include "child/interpreter.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "blob_builder.hpp"
#include "child/mount_flags.hpp"
#include "fake_kernel.hpp"

namespace berth::child {
namespace {

using test::BlobBuilder;
using test::Call;
using test::FakeKernel;

// One step, carried out alone.
class OneStep {
 public:
  BlobBuilder builder;
  Step step;
  Context context;
  Failure failure;

  OneStep() { initialise(context); }
  int run() {
    builder.add(step);
    const std::string blob = builder.finish();
    return run_step(BlobView(blob.data(), blob.size()), 0, context, failure);
  }
};

// A directory that stands for the container's root.
class Root {
 public:
  Root() {
    char name[] = "/tmp/berth-child-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Root() { std::filesystem::remove_all(path); }
  std::string path;
  [[nodiscard]] int open() const { return ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }
};

TEST(Interpreter, UnknownStepIsAFailureNotACrash) {
  OneStep one;
  one.step.op = Op::kMakeCgroup;
  EXPECT_EQ(one.run(), -ENOSYS);
  EXPECT_EQ(one.failure.error, ENOSYS);
}

TEST(Interpreter, FailureNamesCallAndObject) {
  OneStep one;
  one.step.op = Op::kHostname;
  one.step.text[0] = one.builder.text("web1");
  const FakeKernel kernel([](const Call&) { return -EPERM; });
  EXPECT_EQ(one.run(), -EPERM);
  EXPECT_STREQ(one.failure.call, "sethostname");
  EXPECT_STREQ(one.failure.object, "web1");
  EXPECT_EQ(one.failure.error, EPERM);
}

TEST(Interpreter, CapabilitiesDropsAllButTheMaskAndStopsAtTheKernelsLast) {
  OneStep one;
  one.step.op = Op::kCapabilities;
  one.step.num[0] = 0b101;
  std::vector<long> dropped;
  const FakeKernel kernel([&dropped](const Call& call) -> long {
    if (call.words[1] > 40) return -EINVAL;
    dropped.push_back(call.words[1]);
    return 0;
  });
  EXPECT_EQ(one.run(), 0);
  EXPECT_EQ(dropped.size(), 39U);
  EXPECT_EQ(dropped[0], 1);
  EXPECT_EQ(dropped[1], 3);
}

TEST(Interpreter, ASeccompFilterIsLoadedWhole) {
  OneStep one;
  one.step.op = Op::kSeccompFilter;
  one.step.text[0] = one.builder.text("/policy");
  one.step.block = one.builder.block(std::string("\x06\0\0\0\0\0\xff\x7f\x06\0\0\0\x01\0\x05\0", 16));
  std::string loaded;
  const FakeKernel kernel([&loaded](const Call& call) -> long {
    if (call.number != SYS_seccomp || call.words[0] != 1 || call.words[1] != 0) return -EINVAL;
    const auto* program = reinterpret_cast<const char*>(call.words[2]);
    std::uint16_t count = 0;
    const char* filter = nullptr;
    std::memcpy(&count, program, sizeof count);
    std::memcpy(&filter, program + 8, sizeof filter);
    loaded.assign(filter, count * 8U);
    return 0;
  });
  EXPECT_EQ(one.run(), 0);
  EXPECT_EQ(loaded, std::string("\x06\0\0\0\0\0\xff\x7f\x06\0\0\0\x01\0\x05\0", 16));
  EXPECT_EQ(kernel.calls().size(), 1U) << "every call more is one that a policy may forbid";
}

TEST(Interpreter, ASeccompListenerIsHandedOverAndClosed) {
  OneStep one;
  one.step.op = Op::kSeccompFilter;
  one.step.text[0] = one.builder.text("/policy");
  one.step.block = one.builder.block(std::string(8, '\x06'));
  one.step.num[0] = 1;
  one.context.channel = 5;
  const FakeKernel kernel([](const Call& call) -> long {
    if (call.number == SYS_seccomp) return call.words[1] == 8 ? 77 : -EINVAL;  // SECCOMP_FILTER_FLAG_NEW_LISTENER
    if (call.number == SYS_sendmsg) return sizeof(Message);
    return call.number == SYS_close && call.words[0] == 77 ? 0 : -EBADF;
  });
  EXPECT_EQ(one.run(), 0);
  EXPECT_EQ(kernel.count(SYS_sendmsg), 1U);
  EXPECT_EQ(kernel.count(SYS_close), 1U);
}

TEST(Interpreter, ARefusedSeccompFilterNamesThePolicy) {
  OneStep one;
  one.step.op = Op::kSeccompFilter;
  one.step.text[0] = one.builder.text("/policy");
  const FakeKernel kernel([](const Call&) { return -EACCES; });
  EXPECT_EQ(one.run(), -EACCES);
  EXPECT_STREQ(one.failure.call, "seccomp");
  EXPECT_STREQ(one.failure.object, "/policy");
}

TEST(Interpreter, DeathSignalNoticesThatTheMonitorIsGone) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  ::close(ends[1]);
  OneStep one;
  one.context.channel = ends[0];
  one.step.op = Op::kDeathSignal;
  one.step.num[0] = 0;
  EXPECT_EQ(one.run(), -EPIPE);
  ::close(ends[0]);
}

TEST(Interpreter, IdsAreSetGroupsFirstUserLast) {
  OneStep one;
  one.step.op = Op::kSetIds;
  one.step.num[0] = 1000;
  one.step.num[1] = 100;
  one.step.num[2] = 1;
  one.step.list[0] = one.builder.list({"5", "27"});
  std::vector<long> order;
  const FakeKernel kernel([&order](const Call& call) -> long {
    order.push_back(call.number);
    if (call.number == SYS_setgroups) {
      EXPECT_EQ(call.words[0], 2);
      EXPECT_EQ(reinterpret_cast<const unsigned*>(call.words[1])[1], 27U);
    }
    return 0;
  });
  EXPECT_EQ(one.run(), 0);
  EXPECT_EQ(order, (std::vector<long>{SYS_setgroups, SYS_setresgid, SYS_setresuid}));
}

TEST(Interpreter, TargetsAreMadeBelowTheRoot) {
  const Root root;
  OneStep one;
  one.context.root_fd = root.open();
  one.step.op = Op::kMakeDirectory;
  one.step.text[0] = one.builder.text("a/b/c");
  one.step.num[0] = 0755;
  EXPECT_EQ(one.run(), 0);
  EXPECT_TRUE(std::filesystem::is_directory(root.path + "/a/b/c"));
  ::close(one.context.root_fd);
}

int replace_file(const Root& root, const char* path, const char* text, std::uint32_t flags = 0) {
  OneStep one;
  one.context.root_fd = root.open();
  one.step.op = Op::kReplaceFile;
  one.step.flags = kStepFollowLinks | flags;
  one.step.text[0] = one.builder.text(path);
  one.step.text[1] = one.builder.text(text);
  const int result = one.run();
  ::close(one.context.root_fd);
  return result;
}
std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(ReplaceFile, MakesTheFileAndItsDirectory) {
  const Root root;
  EXPECT_EQ(replace_file(root, "etc/resolv.conf", "nameserver 10.0.3.1\n"), 0);
  EXPECT_EQ(text_of(root.path + "/etc/resolv.conf"), "nameserver 10.0.3.1\n");
  EXPECT_EQ(std::filesystem::status(root.path + "/etc/resolv.conf").permissions(), std::filesystem::perms{0644});
}

TEST(ReplaceFile, ReplacesLinksAndOtherNamesInsteadOfWritingThroughThem) {
  const Root root;
  std::filesystem::create_directory(root.path + "/etc");
  std::ofstream(root.path + "/target") << "untouched";
  std::filesystem::create_symlink("../target", root.path + "/etc/resolv.conf");
  EXPECT_EQ(replace_file(root, "etc/resolv.conf", "new"), 0);
  EXPECT_EQ(text_of(root.path + "/target"), "untouched");
  EXPECT_FALSE(std::filesystem::is_symlink(root.path + "/etc/resolv.conf"));
  std::filesystem::create_hard_link(root.path + "/etc/resolv.conf", root.path + "/other");
  EXPECT_EQ(replace_file(root, "etc/resolv.conf", "newer"), 0);
  EXPECT_EQ(text_of(root.path + "/other"), "new");
  EXPECT_EQ(text_of(root.path + "/etc/resolv.conf"), "newer");
}

TEST(ReplaceFile, LinksOfTheGuestEndInItsRoot) {
  const Root root;
  std::filesystem::create_directory(root.path + "/real");
  std::filesystem::create_symlink("/real", root.path + "/etc");
  EXPECT_EQ(replace_file(root, "etc/resolv.conf", "new"), 0);
  EXPECT_EQ(text_of(root.path + "/real/resolv.conf"), "new");
  EXPECT_FALSE(std::filesystem::exists("/real"));
}

TEST(ReplaceFile, LeavesNothingBesideWhatItCannotReplace) {
  const Root root;
  std::filesystem::create_directories(root.path + "/etc/resolv.conf");
  EXPECT_EQ(replace_file(root, "etc/resolv.conf", "new"), -EISDIR);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root.path + "/etc"), {}), 1);
}

// The two ways to resolve a path must agree about links, with openat2 and without.
class LinkTargets : public testing::TestWithParam<std::uint32_t> {};

TEST_P(LinkTargets, ALinkInThePathIsRefused) {
  const Root root;
  std::filesystem::create_directory(root.path + "/real");
  std::filesystem::create_symlink("/etc", root.path + "/link");
  std::filesystem::create_symlink("/etc", root.path + "/real/last");
  for (const char* path : {"link/new", "real/last/new", "link", "real/last"}) {
    OneStep one;
    one.context.root_fd = root.open();
    one.step.op = Op::kBind;
    one.step.flags = GetParam() | kStepClassicMount;
    one.step.text[0] = one.builder.text("/");
    one.step.text[1] = one.builder.text(path);
    one.step.num[1] = kTargetCreateDirectory;
    EXPECT_EQ(one.run(), -ELOOP) << path;
    EXPECT_FALSE(std::filesystem::exists("/etc/new")) << path;
    ::close(one.context.root_fd);
  }
}

TEST_P(LinkTargets, DotDotDoesNotLeaveTheRoot) {
  const Root root;
  OneStep one;
  one.context.root_fd = root.open();
  one.step.op = Op::kMakeDirectory;
  one.step.flags = GetParam();
  one.step.text[0] = one.builder.text("../../tmp/berth-escaped");
  one.step.num[0] = 0755;
  static_cast<void>(one.run());
  EXPECT_FALSE(std::filesystem::exists("/tmp/berth-escaped"));
  ::close(one.context.root_fd);
}

INSTANTIATE_TEST_SUITE_P(Both, LinkTargets, testing::Values(0U, std::uint32_t{kStepNoOpenat2}));

TEST(Interpreter, OptionalBindForgivesAMissingSource) {
  const Root root;
  for (const bool optional : {true, false}) {
    OneStep one;
    one.context.root_fd = root.open();
    one.step.op = Op::kBind;
    one.step.text[0] = one.builder.text("/does/not/exist");
    one.step.text[1] = one.builder.text("mnt");
    one.step.num[1] = kTargetCreateDirectory | (optional ? std::int64_t{kTargetOptional} : 0);
    EXPECT_EQ(one.run(), optional ? 0 : -ENOENT);
    ::close(one.context.root_fd);
  }
}

TEST(Interpreter, HookOutputAndStatusAreReported) {
  OneStep one;
  one.step.op = Op::kHook;
  one.step.list[0] = one.builder.list({"/bin/sh", "-c", "echo first; echo no luck >&2; exit 3"});
  one.step.list[1] = one.builder.list({"A=1"});
  one.step.text[0] = one.builder.text("/my/hook");
  EXPECT_EQ(one.run(), -ECANCELED);
  EXPECT_STREQ(one.failure.call, "hook");
  EXPECT_STREQ(one.failure.object, "/my/hook, exit status 3");
  EXPECT_STREQ(one.failure.output, "first\nno luck\n");
}

TEST(Interpreter, LongHookOutputKeepsItsEnd) {
  OneStep one;
  one.step.op = Op::kHook;
  one.step.list[0] = one.builder.list(
      {"/bin/sh", "-c", "i=0; while [ $i -lt 900 ]; do echo line $i; i=$((i+1)); done; echo the end; kill -9 $$"});
  one.step.list[1] = one.builder.list({"PATH=/bin:/usr/bin"});
  EXPECT_EQ(one.run(), -ECANCELED);
  const std::string output = one.failure.output;
  EXPECT_LT(output.size(), sizeof one.failure.output);
  EXPECT_TRUE(output.ends_with("the end\n")) << output;
  EXPECT_NE(std::string(one.failure.object).find("killed by signal 9"), std::string::npos);
}

TEST(Interpreter, HookSeesItsEnvironmentOnly) {
  OneStep one;
  one.step.op = Op::kHook;
  one.step.list[0] = one.builder.list({"/bin/sh", "-c", "[ \"$LXC_NAME\" = web1 ] && [ -z \"$HOME\" ]"});
  one.step.list[1] = one.builder.list({"LXC_NAME=web1"});
  EXPECT_EQ(one.run(), 0) << one.failure.output;
}

// Runs a whole container part in a forked process and gives what the monitor's end of the channel received first.
Message run_forked(const std::string& blob, int& status) {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Context context;
    initialise(context);
    context.channel = ends[0];
    context.peer_channel = ends[1];
    run_container(BlobView(blob.data(), blob.size()), context);
  }
  ::close(ends[0]);
  Message message;
  message.value = 0xffff;
  const ssize_t got = ::recv(ends[1], &message, sizeof message, 0);
  if (got <= 0) message.kind = MessageKind::kTree;  // end of file: exec happened
  ::waitpid(child, &status, 0);
  ::close(ends[1]);
  return message;
}

TEST(Interpreter, ExecRunsTheProgram) {
  BlobBuilder builder;
  Step exec;
  exec.op = Op::kExec;
  exec.phase = Phase::kContainer;
  exec.num[0] = kNoSlot;
  exec.list[0] = builder.list({"sh", "-c", "exit 42"});
  exec.list[1] = builder.list({"PATH=/nowhere:/bin"});
  builder.add(exec);
  int status = 0;
  EXPECT_EQ(run_forked(builder.finish(), status).kind, MessageKind::kTree);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(Interpreter, ExecFailureIsSentToTheMonitor) {
  BlobBuilder builder;
  Step exec;
  exec.op = Op::kExec;
  exec.phase = Phase::kContainer;
  exec.num[0] = kNoSlot;
  exec.list[0] = builder.list({"/no/such/program"});
  builder.add(exec);
  int status = 0;
  const Message message = run_forked(builder.finish(), status);
  EXPECT_EQ(message.kind, MessageKind::kFailed);
  EXPECT_EQ(message.failure.error, ENOENT);
  EXPECT_STREQ(message.failure.call, "execve");
  EXPECT_STREQ(message.failure.object, "/no/such/program");
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(Interpreter, StepsOfOtherProcessesAreNotCarriedOut) {
  BlobBuilder builder;
  Step host;
  host.op = Op::kMakeCgroup;
  host.phase = Phase::kCaller;
  builder.add(host);
  Step exec;
  exec.op = Op::kExec;
  exec.phase = Phase::kContainer;
  exec.num[0] = kNoSlot;
  exec.list[0] = builder.list({"/bin/true"});
  builder.add(exec);
  int status = 1;
  EXPECT_EQ(run_forked(builder.finish(), status).kind, MessageKind::kTree);
  EXPECT_EQ(status, 0);
}

TEST(Interpreter, APlanWithoutAProgramFails) {
  const std::string blob = BlobBuilder().finish();
  int status = 0;
  const Message message = run_forked(blob, status);
  EXPECT_EQ(message.kind, MessageKind::kFailed);
  EXPECT_EQ(message.failure.error, EINVAL);
}

// What is sent to the log while one step runs; empty when nothing is.
class Notes {
 public:
  explicit Notes(OneStep& one, std::uint32_t level = 1) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_), 0);
    one.context.channel = ends_[0];
    one.builder.settings.log_file = one.builder.text("/log");
    one.builder.settings.log_level = level;
  }
  ~Notes() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  std::vector<Message> all() {
    std::vector<Message> messages;
    for (Message message; ::recv(ends_[1], &message, sizeof message, 0) > 0;) messages.push_back(message);
    return messages;
  }

 private:
  int ends_[2];
};

void fill_absent_bind(OneStep& one, std::int64_t options) {
  one.step.op = Op::kBind;
  one.step.text[0] = one.builder.text("/no/such/source");
  one.step.text[1] = one.builder.text("mnt");
  one.step.num[1] = options;
}

TEST(Interpreter, AnOptionalMountThatFailsIsLeftOutAndTold) {
  OneStep one;
  Notes notes(one);
  fill_absent_bind(one, kTargetOptional);
  EXPECT_EQ(one.run(), 0);
  const auto told = notes.all();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, MessageKind::kSkipped);
  EXPECT_EQ(told[0].failure.error, ENOENT);
  EXPECT_STREQ(told[0].failure.object, "/no/such/source");
}

TEST(Interpreter, NobodyIsToldWithoutAFineLog) {
  OneStep one;
  Notes notes(one, 2);
  fill_absent_bind(one, kTargetOptional);
  EXPECT_EQ(one.run(), 0);
  EXPECT_TRUE(notes.all().empty());
}

TEST(Interpreter, AMountThatIsNotOptionalFails) {
  OneStep one;
  Notes notes(one);
  fill_absent_bind(one, 0);
  EXPECT_EQ(one.run(), -ENOENT);
  EXPECT_TRUE(notes.all().empty());
}

// Without the descriptor calls a bind and its flags are two calls: a mount that lacks its flags must not stay.
TEST(Interpreter, AnOptionalBindWithoutItsFlagsIsTakenBack) {
  OneStep one;
  const Root root;
  one.context.root_fd = root.open();
  std::filesystem::create_directory(root.path + "/mnt");
  one.step.op = Op::kBind;
  one.step.flags = kStepClassicMount;
  one.step.text[0] = one.builder.text("/tmp");
  one.step.text[1] = one.builder.text("mnt");
  one.step.num[0] = static_cast<std::int64_t>(kMsReadOnly);
  one.step.num[1] = kTargetOptional;
  const FakeKernel kernel([](const Call& call) -> long {
    if (call.number == SYS_umount2) return 0;
    if (call.number == SYS_mount) return (static_cast<unsigned long>(call.words[3]) & kMsRemount) != 0 ? -EPERM : 0;
    return sys::raw::kernel(call.number, call.words[0], call.words[1], call.words[2], call.words[3], call.words[4],
                            call.words[5]);
  });
  EXPECT_EQ(one.run(), 0);
  EXPECT_EQ(kernel.count(SYS_umount2), 1U);
}

TEST(Interpreter, WhatAHookPrintsGoesToTheLogLineByLine) {
  OneStep one;
  Notes notes(one);
  one.step.op = Op::kHook;
  one.step.list[0] = one.builder.list({"/bin/sh", "-c", "echo one; echo two >&2; printf end"});
  EXPECT_EQ(one.run(), 0);
  const auto told = notes.all();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0].kind, MessageKind::kOutput);
  EXPECT_STREQ(told[0].failure.output, "one");
  EXPECT_STREQ(told[1].failure.output, "two");
  EXPECT_STREQ(told[2].failure.output, "end");
}

TEST(Interpreter, ALineTooLongForAMessageIsBrokenNotCut) {
  OneStep one;
  Notes notes(one);
  one.step.op = Op::kHook;
  one.step.list[0] = one.builder.list({"/bin/sh", "-c", "head -c 5000 /dev/zero | tr '\\0' x"});
  EXPECT_EQ(one.run(), 0);
  std::string whole;
  for (const Message& message : notes.all()) whole += message.failure.output;
  EXPECT_EQ(whole, std::string(5000, 'x'));
}

TEST(MountFlags, AccessTimeIsChangedAsAWhole) {
  const mount_attr attributes = mount_attributes(kMsReadOnly | kMsNoAtime, kMsNoExec);
  EXPECT_EQ(attributes.attr_set, static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME));
  EXPECT_EQ(attributes.attr_clr, static_cast<std::uint64_t>(MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME));
}

}  // namespace
}  // namespace berth::child
