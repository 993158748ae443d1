// Values through the API: what is accepted, what the getters give, what happens to the text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ostream>

#include "base/strings.hpp"
#include "config/parser.hpp"

namespace berth::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

Conf loaded(std::string_view text) {
  Conf conf;
  const auto status = load_text(conf, text, "/c/config");
  EXPECT_TRUE(status) << status.error().render("test", "");
  return conf;
}

struct GetCase {
  std::string_view key, value, expected;
  friend void PrintTo(const GetCase& test, std::ostream* out) { *out << test.key << " = " << test.value; }
};
class Getter : public ::testing::TestWithParam<GetCase> {};

// LXC's forms, as its library gives them.
TEST_P(Getter, GivesLxcsForm) {
  const GetCase& test = GetParam();
  Conf conf;
  const auto set = set_item(conf, test.key, test.value);
  ASSERT_TRUE(set) << set.error().line();
  EXPECT_EQ(get_item(conf, test.key).value(), test.expected);
}
INSTANTIATE_TEST_SUITE_P(
    Forms, Getter,
    ::testing::Values(
        GetCase{"lxc.arch", "x86", "i686"}, GetCase{"lxc.arch", "arm64", "x86_64"},
        GetCase{"lxc.cap.drop", "mac_admin sys_time", "mac_admin\nsys_time\n"}, GetCase{"lxc.cap.drop", "5", "5\n"},
        GetCase{"lxc.cap.keep", "none", "none\n"}, GetCase{"lxc.cap.keep", "chown none setuid", "setuid\n"},
        GetCase{"lxc.idmap", "u 0 100000 65536", "u 0 100000 65536"},
        GetCase{"lxc.mount.auto", "proc sys:rw cgroup:mixed:force", "proc:mixed sys:rw cgroup:mixed:force"},
        GetCase{"lxc.mount.auto", "cgroup cgroup-full:ro proc", "proc:mixed cgroup-full:ro"},
        GetCase{"lxc.mount.auto", "cgroup-full", "cgroup-full"},
        GetCase{"lxc.mount.auto", "cgroup:ro cgroup2:ro:force", "cgroup2:ro"},
        GetCase{"lxc.mount.auto", "shmounts:/a", "shmounts:/a:/dev/.lxc-mounts"}, GetCase{"lxc.group", "a b", "a\nb\n"},
        GetCase{"lxc.group", "a,b", "a,b\n"}, GetCase{"lxc.signal.halt", "sigterm", "15"}, GetCase{"lxc.signal.halt", "64", "64"},
        GetCase{"lxc.prlimit.nofile", " 100 : 200 ", "100:200"}, GetCase{"lxc.prlimit.nofile", "unlimited", "unlimited"},
        GetCase{"lxc.prlimit.nofile", "5", "5"}, GetCase{"lxc.console.buffer.size", "auto", "131072"},
        GetCase{"lxc.console.buffer.size", "5000", "8192"}, GetCase{"lxc.console.size", "1 MB", "1048576"},
        GetCase{"lxc.console.size", "1kb", "4096"}, GetCase{"lxc.console.size", "0", "0"},
        GetCase{"lxc.namespace.clone", "net mount pid", "mnt\npid\nnet\n"}, GetCase{"lxc.namespace.share.net", "web2", "web2"},
        GetCase{"lxc.rootfs.path", "dir:/x", "/x"}, GetCase{"lxc.rootfs.path", "overlay:/a:/b", "/a:/b"},
        GetCase{"lxc.log.level", "1", "DEBUG"}, GetCase{"lxc.log.level", "debug", "DEBUG"},
        GetCase{"lxc.log.level", "9", "NOTSET"}, GetCase{"lxc.init.groups", "1,2", "1,2"}, GetCase{"lxc.init.uid", "0x10", "16"},
        GetCase{"lxc.autodev", "", "0"}, GetCase{"lxc.autodev.tmpfs.size", "100k", "102400"},
        GetCase{"lxc.monitor.unshare", "7", "7"}, GetCase{"lxc.keyring.session", "0", "0"},
        GetCase{"lxc.time.offset.boot", "90m", "5400 s\n"}, GetCase{"lxc.time.offset.boot", "-5ms", "-5000000 ns\n"},
        GetCase{"lxc.time.offset.monotonic", "3600 s", "3600s\n"}, GetCase{"lxc.init.cwd", "//a/./b//", "/a/b"},
        GetCase{"lxc.console.logfile", "/", "/"}, GetCase{"lxc.seccomp.profile", "a//b/..", "a/b/.."},
        GetCase{"lxc.start.auto", "01", "1"}, GetCase{"lxc.init.groups", "0x10, 2,", "16,2"},
        GetCase{"lxc.cap.drop", "0x10", "0x10\n"}, GetCase{"lxc.namespace.clone", "NET", "net\n"},
        GetCase{"lxc.signal.halt", "0xf", "15"}, GetCase{"lxc.net.0.ipv4.address", "10.0.0.3", "10.0.0.3/8"},
        GetCase{"lxc.net.0.ipv4.address", "1.2.3.4/24 1.2.3.255", "1.2.3.4/24"},
        GetCase{"lxc.net.0.ipv4.address", "192.168.1.2", "192.168.1.2/24"},
        GetCase{"lxc.net.0.ipv6.address", "FE80:0:0::1", "fe80::1/64"},
        GetCase{"lxc.net.0.ipv6.gateway", "FE80:0::1", "fe80::1"}));

TEST(Getter, GivesDefaultsOfUnsetKeys) {
  const Conf conf;
  const std::pair<std::string_view, std::string_view> defaults[] = {
      {"lxc.autodev", "1"},
      {"lxc.autodev.tmpfs.size", "500000"},
      {"lxc.log.level", "NOTSET"},
      {"lxc.arch", ""},
      {"lxc.rootfs.mount", kDefaultRootfsMount},
      {"lxc.monitor.signal.pdeath", "9"},
      {"lxc.signal.halt", "0"},
      {"lxc.rootfs.managed", "1"},
      {"lxc.keyring.session", "1"},
      {"lxc.cgroup2", ""},
      {"lxc.net", ""},
      {"lxc.time.offset.boot", "0 ns\n"},
      {"lxc.time.offset.monotonic", "0ns\n"},
  };
  for (const auto& [key, value] : defaults) EXPECT_EQ(get_item(conf, key).value(), value) << key;
  EXPECT_EQ(get_item(conf, "lxc.include").error().code(), ENOSYS);
  EXPECT_FALSE(get_item(conf, "lxc.hook"));
  EXPECT_FALSE(get_item(conf, "lxc.net.0"));
  EXPECT_FALSE(get_item(conf, "lxc.net.0.link"));
  EXPECT_FALSE(get_item(conf, "lxc.nope"));
}

TEST(Getter, PrefixesGiveAllBelowThem) {
  const Conf conf = loaded(
      "lxc.prlimit.nofile = 1:2\nlxc.prlimit.core = 5\nlxc.sysctl.net.a = 1\nlxc.sysctl.net.a = 2\nlxc.proc.oom_score_adj = 10\n"
      "lxc.cgroup2.memory.max = 1\nlxc.cgroup2.memory.max = 2\nlxc.cgroup.cpu.shares = 3\n"
      "lxc.net.5.type = empty\nlxc.net.2.type = veth\nlxc.net.2.ipv4.address = 10.0.0.1/24\nlxc.net.2.ipv4.address = "
      "10.0.0.2/24\n");
  EXPECT_EQ(get_item(conf, "lxc.prlimit").value(), "lxc.prlimit.nofile = 1:2\nlxc.prlimit.core = 5\n");
  EXPECT_EQ(get_item(conf, "lxc.sysctl").value(), "lxc.sysctl.net.a = 2\n");
  EXPECT_EQ(get_item(conf, "lxc.proc").value(), "lxc.proc.oom_score_adj = 10\n");
  EXPECT_EQ(get_item(conf, "lxc.cgroup2").value(), "lxc.cgroup2.memory.max = 1\nlxc.cgroup2.memory.max = 2\n");
  EXPECT_EQ(get_item(conf, "lxc.cgroup2.memory.max").value(), "1\n2\n");
  EXPECT_EQ(get_item(conf, "lxc.cgroup").value(), "lxc.cgroup.cpu.shares = 3\n");
  EXPECT_EQ(get_item(conf, "lxc.net").value(), "veth\nempty\n");
  EXPECT_EQ(get_item(conf, "lxc.net.2.ipv4.address").value(), "10.0.0.1/24\n10.0.0.2/24");
  EXPECT_EQ(get_item(conf, "lxc.net.2.veth.mode").value(), "bridge");
  EXPECT_FALSE(get_item(conf, "lxc.net.2.macvlan.mode"));
}

TEST(TypedValues, ReachConf) {
  const Conf conf = loaded(
      "lxc.rootfs.path = overlayfs:/lower:/upper\nlxc.arch = linux32\nlxc.namespace.keep = net user\nlxc.prlimit.as = "
      "1:unlimited\n"
      "lxc.namespace.share.ipc = 1\nlxc.idmap = g 1 2 3\nlxc.time.offset.boot = 1500ms\nlxc.mount.auto = "
      "cgroup\nlxc.cgroup.cpu.shares = 5\n"
      "lxc.hook.stop = a\nlxc.hook.stop = b c\nlxc.net.0.type = veth\nlxc.net.0.flags = up\n");
  EXPECT_EQ(conf.rootfs.type, "overlay");
  EXPECT_EQ(conf.rootfs.path, "/lower:/upper");
  EXPECT_EQ(conf.personality, PER_LINUX32);
  EXPECT_EQ(conf.namespaces.keep, CLONE_NEWNET | CLONE_NEWUSER);
  EXPECT_EQ(conf.namespaces.share.at(CLONE_NEWIPC).value, "1");
  EXPECT_EQ(conf.limits.at(0).value.first, RLIMIT_AS);
  EXPECT_EQ(conf.limits.at(0).value.second.hard, RLIM_INFINITY);
  EXPECT_EQ(conf.idmap.at(0).value.kind, 'g');
  EXPECT_EQ(conf.idmap.at(0).value.count, 3U);
  EXPECT_EQ(conf.time_offset_boot_ns, 1'500'000'000);
  EXPECT_TRUE(conf.mounts.automatic.cgroup_default);
  EXPECT_EQ(conf.mounts.automatic.cgroup, AutoMode::kMixed);
  EXPECT_THAT(conf.cgroup.v1.at(0).value, Pair("cpu.shares", "5"));
  EXPECT_EQ(conf.hooks.commands[static_cast<std::size_t>(HookType::kStop)].at(1).value, "b c");
  EXPECT_EQ(conf.networks.at(0).origin.line, 12U);
  EXPECT_EQ(conf.networks.at(0).values.at(0).first, "flags");
  EXPECT_FALSE(conf.security.disable_session_keyring);
  EXPECT_TRUE(loaded("lxc.keyring.session = 0").security.disable_session_keyring);
}

TEST(Environment, ANameAloneTakesTheCallersValueNow) {
  ::setenv("BERTH_TEST_VARIABLE", "now", 1);
  const Conf conf = loaded("lxc.environment = BERTH_TEST_VARIABLE\nlxc.environment.hooks = A=\n");
  ::setenv("BERTH_TEST_VARIABLE", "later", 1);
  EXPECT_EQ(conf.environment.at(0).value, "BERTH_TEST_VARIABLE=now");
  EXPECT_EQ(conf.environment_hooks.at(0).value, "A=");
  ::unsetenv("BERTH_TEST_VARIABLE");
  Conf other;
  EXPECT_EQ(set_item(other, "lxc.environment", "BERTH_TEST_VARIABLE").error().code(), ENOENT);
}

TEST(Clearing, EitherCapabilityKeyClearsBoth) {
  Conf conf = loaded("lxc.cap.keep = chown\n");
  ASSERT_TRUE(load_text(conf, "lxc.cap.drop =\nlxc.cap.drop = kill\n", "second"));
  EXPECT_EQ(get_item(conf, "lxc.cap.drop").value(), "kill\n");
  EXPECT_EQ(get_item(conf, "lxc.cap.keep").value(), "");
}

TEST(Clearing, AnEmptyAutodevIsNotAClearedOne) {
  Conf conf;
  ASSERT_TRUE(set_item(conf, "lxc.autodev", ""));
  EXPECT_FALSE(conf.dev.autodev);
  EXPECT_FALSE(loaded(conf.unexpanded).dev.autodev);
  ASSERT_TRUE(clear_item(conf, "lxc.autodev"));
  EXPECT_TRUE(conf.dev.autodev);
  EXPECT_EQ(conf.unexpanded, "");
}

TEST(Clearing, AFamilyGoesWithItsSubkeys) {
  const std::string text =
      "# top\nlxc.net.0.type = veth\nlxc.net.0.link = a\nlxc.net.10.type = empty\nlxc.hook.start = x\nlxc.hook.stop = y\n"
      "lxc.cgroup2.memory.max = 1\nlxc.cgroup2.memory.high = 1\nlxc.cgroup.dir = d\nlxc.cgroup.cpu.shares = 1\n";
  Conf conf = loaded(text);
  ASSERT_TRUE(set_item(conf, "lxc.net.0", ""));
  EXPECT_EQ(get_item(conf, "lxc.net").value(), "empty\n");
  EXPECT_THAT(conf.unexpanded, Not(HasSubstr("lxc.net.0")));
  EXPECT_THAT(conf.unexpanded, HasSubstr("lxc.net.10.type"));
  ASSERT_TRUE(clear_item(conf, "lxc.net"));
  ASSERT_TRUE(clear_item(conf, "lxc.hook"));
  ASSERT_TRUE(clear_item(conf, "lxc.cgroup2.memory.max"));
  EXPECT_EQ(conf.unexpanded, "# top\nlxc.cgroup2.memory.high = 1\nlxc.cgroup.dir = d\nlxc.cgroup.cpu.shares = 1\n");
  ASSERT_TRUE(clear_item(conf, "lxc.cgroup2"));
  EXPECT_EQ(conf.unexpanded, "# top\nlxc.cgroup.dir = d\nlxc.cgroup.cpu.shares = 1\n");
  EXPECT_TRUE(conf.cgroup.v2.empty());
  EXPECT_TRUE(conf.networks.empty());
  for (const auto& commands : conf.hooks.commands) EXPECT_TRUE(commands.empty());
}

TEST(Clearing, Fstab) {
  Conf conf = loaded("lxc.mount.fstab = /f\nlxc.mount.fstab =\n");
  EXPECT_EQ(conf.mounts.fstab, "");
}

TEST(Clearing, UnknownKeysAreErrors) {
  Conf conf;
  EXPECT_FALSE(clear_item(conf, "lxc.nope"));
  EXPECT_TRUE(clear_item(conf, "lxc.include"));
}

TEST(Setting, AppendsALineAndKeepsEverythingElse) {
  Conf conf = loaded("# c\nfoo = bar\nlxc.uts.name = x");
  ASSERT_TRUE(set_item(conf, "lxc.uts.name", "y", {"--define", 0, "lxc.uts.name=y"}));
  ASSERT_TRUE(set_item(conf, "lxc.cap.drop", "chown"));
  EXPECT_EQ(conf.unexpanded, "# c\nfoo = bar\nlxc.uts.name = x\nlxc.uts.name = y\nlxc.cap.drop = chown\n");
  EXPECT_EQ(conf.origin("lxc.uts.name").file, "--define");
  ASSERT_TRUE(set_item(conf, "lxc.uts.name", ""));
  EXPECT_EQ(conf.unexpanded, "# c\nfoo = bar\nlxc.cap.drop = chown\n");
  EXPECT_EQ(conf.uts_name, "");
}

TEST(Setting, AFailureLeavesTheTextAlone) {
  Conf conf = loaded("lxc.uts.name = x\n");
  const auto status = set_item(conf, "lxc.tty.max", "many", {"--define", 0, "lxc.tty.max=many"});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().line(), "bad value for lxc.tty.max: expected a whole number, not negative, found \"many\"");
  EXPECT_EQ(status.error().origin().file, "--define");
  EXPECT_EQ(conf.unexpanded, "lxc.uts.name = x\n");
}

TEST(Setting, ValuesThatAFileWouldChangeAreQuoted) {
  for (const std::string_view value : {" a ", "'a'", "\"a\"", "a\t", "a 'b'", "'", "\"' \""}) {
    Conf conf;
    ASSERT_TRUE(set_item(conf, "lxc.uts.name", value));
    EXPECT_EQ(loaded(conf.unexpanded).uts_name, value);
  }
}

TEST(Setting, LineEndsAreRefused) {
  Conf conf;
  EXPECT_FALSE(set_item(conf, "lxc.uts.name", "a\nlxc.cap.drop ="));
  EXPECT_FALSE(set_item(conf, "lxc.uts.name", std::string_view("a\0b", 3)));
  EXPECT_EQ(conf.unexpanded, "");
}

TEST(Setting, AHardwareTemplateIsTheSameInMemoryAndText) {
  Conf conf;
  ASSERT_TRUE(set_item(conf, "lxc.net.0.type", "veth"));
  ASSERT_TRUE(set_item(conf, "lxc.net.0.hwaddr", "10:66:6a:xx:xx:xx"));
  EXPECT_THAT(conf.unexpanded, HasSubstr("hwaddr = " + get_item(conf, "lxc.net.0.hwaddr").value()));
}

TEST(Networks, AreSortedAndKeepWhatFitsANewType) {
  Conf conf = loaded("lxc.net.7.type = veth\nlxc.net.7.veth.pair = x\nlxc.net.7.name = eth0\nlxc.net.1.type = phys\n");
  EXPECT_EQ(conf.networks.at(0).index, 1U);
  ASSERT_TRUE(set_item(conf, "lxc.net.7.type", "macvlan"));
  EXPECT_EQ(get_item(conf, "lxc.net.7.name").value(), "eth0");
  EXPECT_FALSE(get_item(conf, "lxc.net.7.veth.pair"));
  ASSERT_TRUE(set_item(conf, "lxc.net.7.type", "veth"));
  EXPECT_EQ(get_item(conf, "lxc.net.7.veth.pair").value(), "");
}

TEST(Keys, GivesNamesBelowAPrefix) {
  const Conf conf = loaded("lxc.net.0.type = veth\nlxc.net.1.type = empty\nlxc.prlimit.nofile = 5\nlxc.cgroup2.memory.max = 5\n");
  EXPECT_EQ(keys_text(conf, "lxc.cap").value(), "drop\nkeep\n");
  EXPECT_EQ(keys_text(conf, "lxc.uts").value(), "name\n");
  for (const std::string_view prefix :
       {"lxc.uts.name", "lxc.nope", "lxc.net.9", "lxc.net.x", "lxc.net.", "lxc.", "lxc.rootfs.path"})
    EXPECT_FALSE(keys_text(conf, prefix)) << prefix;
  EXPECT_EQ(keys_text(conf, "lxc.net.1").value(), "type\nscript.up\nscript.down\n");
  EXPECT_THAT(keys_text(conf, "lxc.net.0").value(), HasSubstr("\nveth.pair\n"));
  EXPECT_THAT(keys_text(conf, "lxc.net.0").value(), Not(HasSubstr("macvlan.mode")));
  EXPECT_EQ(keys_text(conf, "lxc.net.0.ipv4").value(), keys_text(conf, "lxc.net.0").value());
  EXPECT_EQ(keys_text(conf, "lxc.net").value(), "0\n1\n");
  EXPECT_EQ(keys_text(conf, "lxc.prlimit").value(), "nofile\n");
  EXPECT_EQ(keys_text(conf, "lxc.sysctl").value(), "");
  EXPECT_EQ(keys_text(conf, "lxc.rootfs").value(), "path\nmount\noptions\nmanaged\n");
  EXPECT_THAT(keys_text(conf, "").value(), HasSubstr("\nlxc.uts.name\n"));
  EXPECT_GE(std::ranges::count(keys_text(conf, "").value(), '\n'), 87);
}

TEST(AllItems, HoldsEveryKeyWithAValue) {
  const auto items =
      all_items(loaded("lxc.uts.name = a\nlxc.cgroup2.memory.max = 5\nlxc.net.3.type = veth\nlxc.net.3.link = "
                       "br0\nlxc.namespace.share.net = 1\n"));
  EXPECT_THAT(items, Contains(Pair("lxc.uts.name", "a")));
  EXPECT_THAT(items, Contains(Pair("lxc.cgroup2", "lxc.cgroup2.memory.max = 5\n")));
  EXPECT_THAT(items, Contains(Pair("lxc.cgroup2.memory.max", "5\n")));
  EXPECT_THAT(items, Contains(Pair("lxc.net.3.link", "br0")));
  EXPECT_THAT(items, Contains(Pair("lxc.net", "veth\n")));
  EXPECT_THAT(items, Contains(Pair("lxc.namespace.share.net", "1")));
  EXPECT_THAT(items, Contains(Pair("lxc.autodev", "1")));
  for (const auto& [key, value] : items) EXPECT_FALSE(value.empty()) << key;
}

}  // namespace
}  // namespace berth::config
