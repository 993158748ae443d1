// Runs in: the unit test; templates and hooks that it starts are shell scripts of its own.
#include "runtime/create.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sha1.hpp"
#include "base/strings.hpp"
#include "runtime/destroy.hpp"
#include "runtime/host_program.hpp"
#include "runtime/new_directory.hpp"
#include "runtime/partial.hpp"
#include "runtime/snapshot.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class CreateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/berth-create-test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern), nullptr);
    base_ = pattern;
    write(base_ + "/given.conf", "lxc.net.0.type = empty\n");
  }
  void TearDown() override { EXPECT_TRUE(storage::remove_tree(base_)); }

  static void write(const std::string& path, const std::string& text) { ASSERT_TRUE(sys::replace_file(path, text)); }

  std::string script(const std::string& body) {
    const std::string path = strings::cat(base_, "/script", ++scripts_);
    write(path, "#!/bin/sh\n" + body);
    EXPECT_TRUE(sys::chmod(path, 0755));
    return path;
  }
  [[nodiscard]] CreateRequest request(const std::string& template_name) const {
    CreateRequest result;
    result.name = "web1";
    result.lxcpath = base_ + "/lxc/path";
    result.template_name = template_name;
    result.config_file = base_ + "/given.conf";
    return result;
  }
  [[nodiscard]] std::string directory() const { return base_ + "/lxc/path/web1"; }
  [[nodiscard]] std::string config() const { return sys::read_file(directory() + "/config").value_or("<none>"); }
  [[nodiscard]] Container container() const { return *Container::open("web1", base_ + "/lxc/path"); }

  std::string base_;
  int scripts_ = 0;
};

std::string why(const Status& status) { return status ? "<success>" : status.error().render("t", "web1"); }

TEST_F(CreateTest, NoneWritesTheConfigurationAndNothingElse) {
  const auto made = create(request("none"));
  ASSERT_TRUE(made) << why(made);
  EXPECT_EQ(config(), "lxc.net.0.type = empty\n");
  EXPECT_EQ(sys::list_directory(directory())->size(), 1U);
  EXPECT_EQ(sys::stat(directory())->st_mode & 07777, 0770U);
}

TEST_F(CreateTest, TemplateIsCalledWithTheWordsOfLxc) {
  auto wanted = request(script("printf '%s|' \"$@\" >" + base_ + "/words\necho 'lxc.tty.max = 3' >>${1#--path=}/config\n"));
  wanted.template_args = {"--own", "two words"};
  const auto made = create(wanted);
  ASSERT_TRUE(made) << why(made);
  EXPECT_EQ(*sys::read_file(base_ + "/words"),
            strings::cat("--path=", directory(), "|--name=web1|--rootfs=", directory(), "/rootfs|--own|two words|"));
  EXPECT_THAT(config(), HasSubstr("# Parameters passed to the template: --own two words\n"));
  EXPECT_THAT(config(), HasSubstr("lxc.rootfs.path = dir:" + directory() + "/rootfs\nlxc.tty.max = 3\n"));
  EXPECT_THAT(config(), EndsWith("lxc.uts.name = web1\n"));
  EXPECT_FALSE(sys::exists(directory() + "/partial"));
}

TEST_F(CreateTest, TheHostNameOfTheTemplateStays) {
  const auto made = create(request(script("echo 'lxc.uts.name = other' >>${1#--path=}/config\n")));
  ASSERT_TRUE(made) << why(made);
  EXPECT_THAT(config(), Not(HasSubstr("lxc.uts.name = web1")));
}

TEST_F(CreateTest, FailingTemplateLeavesNothing) {
  const auto made = create(request(script("mkdir -p ${3#--rootfs=}/a/b; exit 5\n")));
  ASSERT_FALSE(made);
  EXPECT_THAT(why(made), HasSubstr("exited with status 5"));
  EXPECT_FALSE(sys::exists(base_ + "/lxc")) << "directories above the container that it made are gone too";
}

TEST_F(CreateTest, TemplateThatSpoilsTheConfigurationIsRefused) {
  const auto made = create(request(script("echo 'lxc.nonesuch = 1' >>${1#--path=}/config\n")));
  ASSERT_FALSE(made);
  EXPECT_THAT(why(made), HasSubstr("lxc.nonesuch"));
  EXPECT_FALSE(sys::exists(directory()));
}

TEST_F(CreateTest, AnExistingRootOfTheUserSurvivesAFailure) {
  ASSERT_TRUE(sys::make_directory(base_ + "/own", 0755));
  write(base_ + "/own/file", "x");
  auto wanted = request(script("exit 1\n"));
  wanted.specs.directory = base_ + "/own";
  EXPECT_FALSE(create(wanted));
  EXPECT_TRUE(sys::exists(base_ + "/own/file"));
}

TEST_F(CreateTest, ExistingContainerIsRefusedAndUntouched) {
  ASSERT_TRUE(create(request("none")));
  const auto again = create(request("none"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), EEXIST);
  EXPECT_EQ(config(), "lxc.net.0.type = empty\n");
}

TEST_F(CreateTest, WhatIsNotThereYetIsNamed) {
  auto wanted = request("none");
  wanted.bdev = "floppy";
  EXPECT_THAT(why(create(wanted)), HasSubstr("there is no back end 'floppy'"));
  write(base_ + "/given.conf", "lxc.idmap = u 0 100000 65536\n");
  EXPECT_THAT(why(create(request(script("exit 0\n")))), HasSubstr("id map"));
  EXPECT_FALSE(sys::exists(base_ + "/lxc"));
}

TEST_F(CreateTest, UnknownTemplateIsNamedWithThoseThatAreThere) {
  EXPECT_THAT(why(create(request("busibox"))), HasSubstr("there is no template 'busibox'"));
  EXPECT_THAT(why(create(request("/no/such"))), HasSubstr("not an executable file"));
  EXPECT_THAT(why(create(request("a/b"))), HasSubstr("absolute path"));
}

TEST_F(CreateTest, ACreationUnderWayIsLeftAloneACrashedOneReplaced) {
  ASSERT_TRUE(sys::ensure_directory(directory(), 0770));
  {
    auto mark = begin_creation(directory());
    ASSERT_TRUE(mark);
    EXPECT_EQ(*creation_state(directory()), Creation::kOngoing);
    EXPECT_THAT(why(create(request("none"))), HasSubstr("another process is creating"));
    EXPECT_THAT(why(destroy(container(), {})), HasSubstr("another process is creating"));
  }
  EXPECT_EQ(*creation_state(directory()), Creation::kCrashed);
  write(directory() + "/left-over", "x");
  const auto made = create(request("none"));
  ASSERT_TRUE(made) << why(made);
  EXPECT_FALSE(sys::exists(directory() + "/left-over"));
}

TEST_F(CreateTest, WhatWasThereBeforeAKilledCreationComesBack) {
  ASSERT_TRUE(sys::ensure_directory(directory() + "/snaps/snap0", 0770));
  write(directory() + "/config", "lxc.tty.max = 3\n");
  ASSERT_TRUE(sys::chmod(directory() + "/config", 0604));
  ASSERT_TRUE(sys::chown(directory() + "/config", 1234, 1234));
  write(directory() + "/mine", "x");
  const std::string killer = script(
      "mkdir -p $PWD; for a; do case $a in --path=*) p=${a#--path=};; esac; done\n"
      "echo x >$p/made; echo lxc.tty.max = 4 >>$p/config; kill -9 $PPID; sleep 1\n");
  const pid_t child = ::fork();
  if (child == 0) {
    auto killed = request(killer);
    killed.over_definition = true;
    (void)create(killed);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(*creation_state(directory()), Creation::kCrashed);
  EXPECT_NE(config(), "lxc.tty.max = 3\n");
  EXPECT_EQ(why(remove_crashed(container(), false)), "<success>");
  EXPECT_EQ(config(), "lxc.tty.max = 3\n");
  const auto kind = sys::stat(directory() + "/config");
  EXPECT_EQ(kind->st_mode & 07777, 0604U);
  EXPECT_EQ(kind->st_uid, 1234U);
  std::vector<std::string> names;
  const auto entries = sys::list_directory(directory());
  for (const auto& entry : *entries) names.push_back(entry.name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("snaps", "config", "mine"));
}

TEST_F(CreateTest, AFailureOverADefinitionGivesItBackAsItWas) {
  ASSERT_TRUE(sys::ensure_directory(directory(), 0770));
  write(directory() + "/config", "lxc.tty.max = 3\n");
  ASSERT_TRUE(sys::chown(directory() + "/config", 1234, 1234));
  auto failing = request(script("exit 1\n"));
  failing.over_definition = true;
  EXPECT_THAT(why(create(failing)), HasSubstr("exited with status 1"));
  EXPECT_EQ(config(), "lxc.tty.max = 3\n");
  EXPECT_EQ(sys::stat(directory() + "/config")->st_uid, 1234U);
  EXPECT_EQ(sys::list_directory(directory())->size(), 1U);
  failing.template_name = script("exit 0\n");
  EXPECT_EQ(why(create(failing)), "<success>");
  EXPECT_EQ(sys::stat(directory() + "/config")->st_uid, 1234U);
  EXPECT_FALSE(sys::exists(directory() + "/config.before-create"));
}

TEST_F(CreateTest, ACompleteContainerIsNotTakenForACrashedOne) {
  ASSERT_TRUE(create(request("none")));
  EXPECT_EQ(why(remove_crashed(container(), false)), "<success>");
  EXPECT_TRUE(container().defined());
}

TEST_F(CreateTest, AnEmptyDirectoryIsNoContainer) {
  ASSERT_TRUE(sys::ensure_directory(directory(), 0700));
  const Container target = container();
  NewDirectory made(target);
  EXPECT_EQ(why(made.claim(NewDirectory::Existing::kNothing)), "<success>");
  NewDirectory late(target);
  EXPECT_THAT(why(late.claim(NewDirectory::Existing::kNothing)), HasSubstr("another process is creating"));
  EXPECT_EQ(why(late.undo()), "<success>");
  EXPECT_EQ(*creation_state(directory()), Creation::kOngoing);
  EXPECT_EQ(why(made.undo()), "<success>");
  EXPECT_FALSE(sys::exists(directory()));
}

TEST_F(CreateTest, DestroyRemovesAllAndOnlyWhatIsThere) {
  ASSERT_TRUE(create(request(script("mkdir -p ${3#--rootfs=}/etc; ln -s " + base_ + " ${3#--rootfs=}/etc/trap\n"))));
  const auto gone = destroy(container(), {});
  ASSERT_TRUE(gone) << why(gone);
  EXPECT_FALSE(sys::exists(directory()));
  EXPECT_TRUE(sys::exists(base_ + "/given.conf"));
  EXPECT_THAT(why(destroy(container(), {})), HasSubstr("no such container"));
}

TEST_F(CreateTest, DestroyRefusesWithSnapshotsOrClones) {
  ASSERT_TRUE(create(request("none")));
  ASSERT_TRUE(sys::ensure_directory(directory() + "/snaps/snap0", 0755));
  EXPECT_THAT(why(destroy(container(), {})), HasSubstr("snap0"));
  write(directory() + "/lxc_snapshots", "/elsewhere\nclone1\n");
  EXPECT_THAT(why(destroy(container(), {.snapshots = true})), HasSubstr("/elsewhere/clone1"));
  write(directory() + "/lxc_snapshots", "");
  EXPECT_TRUE(destroy(container(), {.snapshots = true}));
  EXPECT_FALSE(sys::exists(directory()));
}

TEST_F(CreateTest, SnapshotsBesideTheLxcpathAreSnapshotsToo) {
  ASSERT_TRUE(create(request("none")));
  const std::string beside = base_ + "/lxc/pathsnaps/web1";
  for (const std::string& path : {beside + "/snap0", directory() + "/snaps/snap1"}) {
    ASSERT_TRUE(sys::ensure_directory(path, 0755));
    write(path + "/config", "");
  }
  const auto found = list_snapshots(container());
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ(found->front().lxcpath, beside);
  EXPECT_EQ(found->back().lxcpath, directory() + "/snaps");
  EXPECT_THAT(why(destroy(container(), {})), HasSubstr("snap0, snap1"));
  EXPECT_EQ(why(destroy_snapshot(container(), "snap1")), "<success>");
  EXPECT_THAT(why(destroy(container(), {})), HasSubstr("snap0"));
  EXPECT_EQ(why(destroy(container(), {.snapshots = true})), "<success>");
  EXPECT_FALSE(sys::exists(beside));
}

TEST_F(CreateTest, WhatAHookLeavesRunningIsNotWaitedFor) {
  const std::string hook = script("sleep 20 & echo $! >" + base_ + "/daemon; echo out; echo err >&2; exit 1\n");
  write(base_ + "/given.conf", "lxc.hook.destroy = " + hook + "\n");
  ASSERT_TRUE(create(request("none")));
  const auto refused = why(destroy(container(), {}));
  EXPECT_THAT(refused, HasSubstr("out"));
  EXPECT_THAT(refused, HasSubstr("err"));
  const auto daemon = strings::parse_number<pid_t>(strings::trim(*sys::read_file(base_ + "/daemon")));
  ASSERT_TRUE(daemon);
  EXPECT_EQ(::kill(*daemon, SIGKILL), 0) << "it was waited for";
}

TEST_F(CreateTest, DestroyHookGetsItsWordsAndMayRefuse) {
  const std::string hook = script("echo \"$@\" $LXC_NAME >" + base_ + "/words; echo not today; exit 1\n");
  write(base_ + "/given.conf", "lxc.hook.destroy = " + hook + " own\n");
  ASSERT_TRUE(create(request("none")));
  const auto refused = destroy(container(), {});
  EXPECT_THAT(why(refused), HasSubstr("| not today"));
  EXPECT_THAT(why(refused), HasSubstr("lxc.hook.destroy"));
  EXPECT_EQ(*sys::read_file(base_ + "/words"), "own web1 lxc destroy web1\n");
  EXPECT_TRUE(sys::exists(directory() + "/config"));
}

TEST_F(CreateTest, AnUnmanagedRootStays) {
  ASSERT_TRUE(create(request(script("mkdir ${3#--rootfs=}/etc; echo lxc.rootfs.managed = 0 >>${1#--path=}/config\n"))));
  ASSERT_TRUE(destroy(container(), {}));
  EXPECT_TRUE(sys::exists(directory() + "/rootfs/etc"));
  EXPECT_FALSE(sys::exists(directory() + "/config"));
}

TEST_F(CreateTest, ARootAboveTheContainerIsNeverRemoved) {
  write(base_ + "/given.conf", "lxc.rootfs.path = dir:" + base_ + "\n");
  ASSERT_TRUE(create(request("none")));
  EXPECT_THAT(why(destroy(container(), {})), HasSubstr("holds more than this container"));
  write(directory() + "/config", "lxc.rootfs.path = dir:/\n");
  EXPECT_THAT(why(destroy(container(), {})), HasSubstr("the host's root"));
  EXPECT_TRUE(sys::exists(base_ + "/given.conf"));
}

TEST_F(CreateTest, ARootOfAnotherContainerIsNeverRemoved) {
  ASSERT_TRUE(create(request("none")));
  const std::string other = base_ + "/lxc/path/other";
  ASSERT_TRUE(sys::ensure_directory(other + "/rootfs", 0755));
  write(other + "/config", "");
  ASSERT_TRUE(sys::symlink(other, base_ + "/link"));
  for (const std::string& root : {other + "/rootfs", base_ + "/link/rootfs", base_ + "/lxc/path/web1/../other/rootfs"}) {
    write(directory() + "/config", "lxc.rootfs.path = " + root + "\n");
    EXPECT_THAT(why(destroy(container(), {})), HasSubstr("is below " + other));
    EXPECT_TRUE(sys::exists(other + "/rootfs"));
  }
  ASSERT_TRUE(sys::unlink(other + "/config"));  // no container's any more
  EXPECT_EQ(why(destroy(container(), {})), "<success>");
  EXPECT_FALSE(sys::exists(other + "/rootfs"));
}

TEST_F(CreateTest, ATreeDeeperThanTheDescriptorsOfAProcessIsRemoved) {
  const std::string top = base_ + "/deep";
  ASSERT_TRUE(sys::make_directory(top, 0755));
  Fd here = *sys::open(top, O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 3000; ++depth) {
    ASSERT_TRUE(sys::make_directory_at(here.get(), "d", 0755));
    here = *sys::open_at(here.get(), "d", O_RDONLY | O_DIRECTORY);
  }
  here.reset();
  const auto gone = storage::remove_tree(top);
  EXPECT_TRUE(gone) << why(gone);
  EXPECT_FALSE(sys::exists(top));
}

TEST_F(CreateTest, RemovingALinkLeavesItsTarget) {
  ASSERT_TRUE(sys::make_directory(base_ + "/target", 0755));
  ASSERT_TRUE(sys::symlink(base_ + "/target", base_ + "/link"));
  EXPECT_TRUE(storage::remove_tree(base_ + "/link"));
  EXPECT_TRUE(sys::exists(base_ + "/target"));
  EXPECT_TRUE(storage::remove_tree(base_ + "/absent"));
}

TEST(HostProgram, TellsHowItEnded) {
  const auto outcome = run_host_program({.arguments = {"/bin/sh", "-c", "echo out; exit 3"}, .environment = {}, .quiet = true});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(describe_wait_status(outcome->status), "exited with status 3");
  EXPECT_EQ(describe_wait_status(9), "was killed by SIGKILL");
}

// The examples of FIPS 180.
TEST(Sha1, Examples) {
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(sha1_hex(std::string(1000000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

}  // namespace
}  // namespace berth::runtime
