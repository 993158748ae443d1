// What reaches the kernel, recorded: no right to mount is needed.
#include "sys/mount.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "faults.hpp"

namespace berth::sys {
namespace {

struct Recorded {
  long number = 0, a = 0, b = 0, c = 0, d = 0, e = 0;
  long answer = 0;
  mount_attr attributes{};
  std::string key;  // of fsconfig; the pointer itself is stale after the call
  const char* complaint = nullptr;
};
Recorded recorded;

long record(long number, long a, long b, long c, long d, long e, long) {
  if (number == SYS_read) {  // the file system context's messages
    if (recorded.complaint == nullptr) return -ENODATA;
    const std::size_t size = std::strlen(recorded.complaint);
    std::memcpy(reinterpret_cast<void*>(b), recorded.complaint, size);
    recorded.complaint = nullptr;
    return static_cast<long>(size);
  }
  recorded = {number, a, b, c, d, e, recorded.answer, {}, {}, recorded.complaint};
  if (number == SYS_fsconfig && c != 0) recorded.key = reinterpret_cast<const char*>(c);
  if (number == SYS_mount_setattr) std::memcpy(&recorded.attributes, reinterpret_cast<void*>(d), sizeof recorded.attributes);
  return recorded.answer;
}

class Mount : public ::testing::Test {
 protected:
  void SetUp() override { recorded = {}; }
  raw::ScopedDispatch scope_{record};
};

TEST_F(Mount, EmptyTextsAreNull) {
  ASSERT_TRUE(mount("", "/mnt", "", 0x1000, ""));
  EXPECT_EQ(recorded.a, 0);
  EXPECT_EQ(recorded.c, 0);
  EXPECT_EQ(recorded.d, 0x1000);
  EXPECT_EQ(recorded.e, 0);
}

TEST_F(Mount, FailuresNameWhatAndWhere) {
  recorded.answer = -EACCES;
  EXPECT_EQ(mount("proc", "/x/proc", "proc", 0, "").error().line(), "mount(proc on /x/proc): Permission denied (EACCES)");
  EXPECT_EQ(mount("", "/x", "", 0, "").error().line(), "mount(/x): Permission denied (EACCES)");
  EXPECT_EQ(unmount("/x", 2).error().line(), "umount(/x): Permission denied (EACCES)");
  EXPECT_EQ(open_tree(AT_FDCWD, "/x", 0).error().line(), "open_tree(/x): Permission denied (EACCES)");
  EXPECT_EQ(move_mount(3, AT_FDCWD, "/x", 0).error().line(), "move_mount(/x): Permission denied (EACCES)");
}

TEST_F(Mount, TreesAreCloseOnExec) {
  recorded.answer = -1;
  (void)open_tree(AT_FDCWD, "/x", OPEN_TREE_CLONE);
  EXPECT_EQ(recorded.c, OPEN_TREE_CLONE | O_CLOEXEC);
}

TEST_F(Mount, AttributesTravelWhole) {
  ASSERT_TRUE(set_mount_attributes(5, true, MOUNT_ATTR_IDMAP, MOUNT_ATTR_RDONLY, 1 << 19, 9));
  EXPECT_EQ(recorded.c, AT_EMPTY_PATH | AT_RECURSIVE);
  EXPECT_EQ(recorded.attributes.attr_set, static_cast<std::uint64_t>(MOUNT_ATTR_IDMAP));
  EXPECT_EQ(recorded.attributes.attr_clr, static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY));
  EXPECT_EQ(recorded.attributes.propagation, 1U << 19);
  EXPECT_EQ(recorded.attributes.userns_fd, 9U);
}

TEST_F(Mount, ParametersByKindOfCommand) {
  ASSERT_TRUE(configure_filesystem(5, FSCONFIG_SET_FLAG, "ro", "ignored"));
  EXPECT_EQ(recorded.key, "ro");
  EXPECT_EQ(recorded.d, 0);
  ASSERT_TRUE(configure_filesystem(5, FSCONFIG_CMD_CREATE, "", ""));
  EXPECT_EQ(recorded.c, 0);
}

TEST_F(Mount, TheKernelsOwnReasonIsKept) {
  recorded.answer = -EINVAL;
  recorded.complaint = "e tmpfs: Bad value for 'size'\n";
  const Status result = configure_filesystem(5, FSCONFIG_SET_STRING, "size", "12x");
  EXPECT_EQ(result.error().line(), "fsconfig(size=12x): Invalid argument (EINVAL)");
  EXPECT_EQ(result.error().because(), "tmpfs: Bad value for 'size'");
}

}  // namespace
}  // namespace berth::sys
