#include "base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace berth {
namespace {

Error idmap_refusal() {
  return Error::from_errno(EINVAL, "mount_setattr", "/var/lib/lxc/web1/rootfs, idmap")
      .context("mounting the root file system (step 14 of 31, in the container's mount namespace)")
      .context("cannot start");
}

TEST(Error, RendersEveryPartInOrder) {
  const Error error = idmap_refusal()
                          .because("overlay takes no id-mapped upper layer on this kernel")
                          .set_by({"/var/lib/lxc/web1/config", 12, "lxc.rootfs.options = idmap=container"})
                          .hint("remove that option, or use the btrfs or dir back end");
  EXPECT_EQ(error.render("lxc-start", "web1"),
            "lxc-start: web1: cannot start\n"
            "  mounting the root file system (step 14 of 31, in the container's mount namespace)\n"
            "  mount_setattr(/var/lib/lxc/web1/rootfs, idmap): Invalid argument (EINVAL)\n"
            "  because: overlay takes no id-mapped upper layer on this kernel\n"
            "  set by: /var/lib/lxc/web1/config:12  lxc.rootfs.options = idmap=container\n"
            "  try: remove that option, or use the btrfs or dir back end\n");
}

TEST(Error, ABareRefusalIsItsOwnHeadline) {
  EXPECT_EQ(Error::from_errno(EACCES, "mount", "/dev/shm").render("lxc-start", "web1"),
            "lxc-start: web1: mount(/dev/shm): Permission denied (EACCES)\n");
}

TEST(Error, WithoutSubjectTheProgramComesAlone) {
  EXPECT_EQ(Error::message("no container name given").render("lxc-info", ""), "lxc-info: no container name given\n");
}

TEST(Error, OutputOfAProgramIsMarkedLineByLine) {
  const Error error = Error::message("exit status 1").output("first\n\nlast without end").context("running the hook");
  EXPECT_EQ(error.render("lxc-start", "c"),
            "lxc-start: c: running the hook\n"
            "  exit status 1\n"
            "  | first\n"
            "  | \n"
            "  | last without end\n");
}

TEST(Error, LineGoesFromLargeToSmall) {
  EXPECT_EQ(idmap_refusal().line(),
            "cannot start: mounting the root file system (step 14 of 31, in the container's mount namespace): "
            "mount_setattr(/var/lib/lxc/web1/rootfs, idmap): Invalid argument (EINVAL)");
}

TEST(Error, CauseWithoutObjectOrCode) {
  EXPECT_EQ(Error::from_errno(EPERM, "setns").cause(), "setns: Operation not permitted (EPERM)");
  EXPECT_EQ(Error::from_errno(0, "setns", "x").cause(), "setns(x)");
  EXPECT_EQ(Error::message("x").cause(), "");
}

TEST(Error, UnknownNumbersKeepTheirValue) {
  EXPECT_EQ(errno_name(EINVAL), "EINVAL");
  EXPECT_EQ(errno_name(4095), "E4095");
  EXPECT_EQ(Error::from_errno(4095, "ioctl").cause(), "ioctl: unknown error (E4095)");
}

TEST(Error, OriginWithoutLineIsTheFileAlone) {
  const Error error = Error::message("bad value").set_by({"/etc/lxc/default.conf", 0, ""});
  EXPECT_EQ(error.render("p", ""), "p: bad value\n  set by: /etc/lxc/default.conf\n");
}

TEST(Error, CopiesAreIndependent) {
  Error first = Error::message("one", ENOENT);
  Error second = first;
  second = std::move(second).context("two");
  EXPECT_EQ(first.line(), "one");
  EXPECT_EQ(second.line(), "two: one");
  first = second;
  EXPECT_EQ(first.line(), "two: one");
  EXPECT_EQ(first.code(), ENOENT);
}

}  // namespace
}  // namespace berth
