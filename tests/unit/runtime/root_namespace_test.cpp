#include "runtime/root_namespace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "../sys/faults.hpp"
#include "os/command.hpp"
#include "storage/tree/remove_tree.hpp"

namespace berth::runtime {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class RootNamespaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting takes the rights of root";
    std::string pattern = fs::temp_directory_path() / "berth-root-XXXXXX";
    base_ = ::mkdtemp(pattern.data());
  }
  ~RootNamespaceTest() override {
    if (base_.empty()) return;
    EXPECT_TRUE(storage::remove_tree(base_));
  }

  static Result<storage::View> tmpfs() {
    storage::Attachment attachment;
    attachment.mount.fstype = "tmpfs";
    attachment.mount.options = {{"size", "1m"}};
    return storage::View::open(std::move(attachment), storage::Access::kWrite);
  }
  static std::string run(const RootNamespace& space, const std::string& script) {
    os::Command command;
    command.program = "/bin/sh";
    command.arguments = {"-c", script};
    command.environment = {"PATH=/usr/bin:/bin", "ROOT=" + space.directory()};
    command.mounts = space.mounts();
    const auto finished = os::run_checked(command);
    EXPECT_TRUE(finished) << finished.error().line();
    return finished ? finished->output : "";
  }
  static std::string host_mounts() {
    std::ifstream file("/proc/self/mountinfo");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string base_;
};

TEST_F(RootNamespaceTest, ProgramsSeeTheRootAndTheHostDoesNot) {
  auto view = tmpfs();
  ASSERT_TRUE(view) << view.error().line();
  const auto space = RootNamespace::open(*view, base_ + "/made/rootfs");
  ASSERT_TRUE(space) << space.error().line();
  EXPECT_EQ(space->directory(), base_ + "/made/rootfs");
  EXPECT_EQ(run(*space, "cd $ROOT && stat -f -c %T . && echo data > file"), "tmpfs\n");
  EXPECT_THAT(host_mounts(), Not(HasSubstr(base_)));
  EXPECT_FALSE(fs::exists(base_ + "/made/rootfs/file"));
  EXPECT_EQ(run(*space, "cat $ROOT/file"), "data\n") << "a second program sees what the first one wrote";
  EXPECT_TRUE(fs::exists(view->directory() + "/file"));
}

TEST_F(RootNamespaceTest, ProgramsWorkInTheCallersDirectory) {
  auto view = tmpfs();
  ASSERT_TRUE(view) << view.error().line();
  const auto space = RootNamespace::open(*view, base_ + "/rootfs");
  ASSERT_TRUE(space) << space.error().line();
  EXPECT_EQ(run(*space, "pwd"), fs::current_path().string() + "\n");
}

TEST_F(RootNamespaceTest, ADirectoryIsSeenWhereItIs) {
  storage::Attachment attachment;
  attachment.mount.directory = base_;
  auto view = storage::View::open(std::move(attachment), storage::Access::kWrite);
  ASSERT_TRUE(view);
  const auto space = RootNamespace::open(*view, base_ + "/elsewhere");
  ASSERT_TRUE(space);
  EXPECT_EQ(space->mounts(), -1);
  EXPECT_EQ(space->directory(), base_);
  EXPECT_FALSE(fs::exists(base_ + "/elsewhere"));
}

TEST_F(RootNamespaceTest, ARefusedMountIsToldAndLeavesNothing) {
  auto view = tmpfs();
  ASSERT_TRUE(view) << view.error().line();
  const std::size_t before = berth::testing::open_descriptors();
  const berth::testing::ScopedFault fault(SYS_move_mount, 1, EPERM);
  const auto space = RootNamespace::open(*view, base_ + "/rootfs");
  ASSERT_FALSE(space);
  EXPECT_EQ(space.error().code(), EPERM);
  EXPECT_THAT(space.error().line(), HasSubstr("move_mount(" + base_ + "/rootfs)"));
  EXPECT_EQ(berth::testing::open_descriptors(), before);
}

}  // namespace
}  // namespace berth::runtime
