#include "config/update.hpp"

#include <gtest/gtest.h>

#include "config/parser.hpp"

namespace berth::config {
namespace {

std::string updated(std::string_view text) {
  const auto result = update_names(text, "config");
  return result ? result->text : result.error().line();
}

TEST(Update, RenamesAndKeepsTheRest) {
  EXPECT_EQ(updated("# a comment\n  lxc.utsname   =  web1  \n\nfoo = 1\nlxc.tty = 4"),
            "# a comment\n  lxc.uts.name   =  web1  \n\nfoo = 1\nlxc.tty.max = 4");
  EXPECT_EQ(updated("lxc.limit.nofile = 10\nlxc.uts.name = x\n"), "lxc.prlimit.nofile = 10\nlxc.uts.name = x\n");
}

TEST(Update, RemovesWhatIsGone) { EXPECT_EQ(updated("lxc.pivotdir = x\nlxc.tty = 1\nlxc.kmsg = 1"), "lxc.tty.max = 1\n"); }

TEST(Update, TheBackendBecomesAPrefix) {
  EXPECT_EQ(updated("lxc.rootfs = /srv/a\n"), "lxc.rootfs.path = dir:/srv/a\n");
  EXPECT_EQ(updated("lxc.rootfs = /srv/a\nlxc.rootfs.backend = btrfs\n"), "lxc.rootfs.path = btrfs:/srv/a\n");
  EXPECT_EQ(updated("lxc.rootfs = \"/srv/a\"\n"), "lxc.rootfs.path = \"dir:/srv/a\"\n");
  EXPECT_EQ(updated("lxc.rootfs = overlayfs:/a:/b\n"), "lxc.rootfs.path = overlayfs:/a:/b\n");
  EXPECT_EQ(updated("lxc.rootfs = /dev/vg/web1\n"), "lxc.rootfs.path = /dev/vg/web1\n");
  EXPECT_EQ(updated("lxc.rootfs.path = /b\nlxc.rootfs.backend = zfs\n"), "lxc.rootfs.path = zfs:/b\n");
  EXPECT_EQ(updated("lxc.rootfs.path = /b\n"), "lxc.rootfs.path = /b\n");
  EXPECT_EQ(updated("lxc.rootfs =\n"), "lxc.rootfs.path =\n");
}

TEST(Update, NumbersNetworks) {
  EXPECT_EQ(updated("lxc.network.type = veth\nlxc.network.ipv4 = 10.0.3.2/24\nlxc.network.type = empty\nlxc.network.flags = up\n"
                    "lxc.network.7.type = none\nlxc.network =\nlxc.network.type = phys\n"),
            "lxc.net.0.type = veth\nlxc.net.0.ipv4.address = 10.0.3.2/24\nlxc.net.1.type = empty\nlxc.net.1.flags = up\n"
            "lxc.net.7.type = none\nlxc.net =\nlxc.net.2.type = phys\n");
}

TEST(Update, TakesNoNumberThatTheFileGives) {
  EXPECT_EQ(updated("lxc.net.0.type = veth\nlxc.network.type = phys\nlxc.network.link = eth1\n"),
            "lxc.net.0.type = veth\nlxc.net.1.type = phys\nlxc.net.1.link = eth1\n");
  EXPECT_EQ(updated("lxc.network.type = phys\nlxc.network.0.type = veth\nlxc.network.0 =\n"),
            "lxc.net.1.type = phys\nlxc.net.0.type = veth\nlxc.net.0 =\n");
}

TEST(Update, OddNames) {
  EXPECT_EQ(updated("lxc.network. = x\n"), "lxc.net = x\n");
  EXPECT_EQ(updated("lxc.network.. = x\n"), "lxc.net.0.. = x\n");
  EXPECT_EQ(updated("lxc.limit. = x\n"), "lxc.prlimit = x\n");
}

TEST(Update, TellsWhatItDid) {
  const auto result = update_names("lxc.uts.name = x\nlxc.kmsg = 1\nlxc.tty = 1\n", "config");
  ASSERT_TRUE(result);
  ASSERT_EQ(result->changes.size(), 2U);
  EXPECT_EQ(result->changes[0].line, 2U);
  EXPECT_EQ(result->changes[0].after, "");
  EXPECT_EQ(result->changes[1].before, "lxc.tty = 1");
  EXPECT_EQ(result->changes[1].after, "lxc.tty.max = 1");
  EXPECT_TRUE(update_names(result->text, "config")->changes.empty());
}

TEST(Update, RefusesWhatIsNoConfiguration) {
  const auto result = update_names("lxc.tty = 1\nlxc.utsname\n", "config");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().origin().line, 2U);
}

TEST(Update, WhatComesOutLoads) {
  Conf conf;
  const std::string text = updated(
      "lxc.utsname = web1\nlxc.rootfs = /srv/web1\nlxc.network.type = veth\nlxc.network.link = br0\nlxc.network.ipv4 = "
      "10.0.3.2/24\n"
      "lxc.id_map = u 0 100000 65536\nlxc.pts = 10\nlxc.haltsignal = SIGTERM\nlxc.loglevel = INFO\nlxc.console = none\n");
  const auto loaded = load_text(conf, text, "config");
  EXPECT_TRUE(loaded) << loaded.error().line();
}

}  // namespace
}  // namespace berth::config
