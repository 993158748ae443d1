// Properties that every row of the key table must have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>

#include "base/strings.hpp"
#include "config/key_table.hpp"
#include "config/parser.hpp"
#include "temporary_directory.hpp"

namespace berth::config {
namespace {

std::vector<const Key*> all_rows() {
  std::vector<const Key*> rows;
  for (const KeySection& section : key_sections()) {
    for (const Key& key : section.keys) rows.push_back(&key);
  }
  for (const Key& key : network_keys()) rows.push_back(&key);
  return rows;
}

struct Setting {
  std::string before;  // a line that must come first
  std::string key, value;
};

// The row's example as a line of a file.
Setting setting_of(const Key& row) {
  std::string name{row.name};
  std::string value{row.example};
  const std::size_t equals = value.find(" = ");
  if (row.is(kPrefix) && equals != std::string::npos) {
    return {"", strings::cat(name, ".", value.substr(0, equals)), value.substr(equals + 3)};
  }
  if (!name.starts_with("lxc.net.N.")) return {"", name, value};
  name[8] = '3';
  const std::string sub = name.substr(10);
  const std::string owner = sub.substr(0, sub.find('.'));
  const bool owned = owner == "macvlan" || owner == "ipvlan" || owner == "vlan";
  return {strings::cat("lxc.net.3.type = ", owned ? owner : "veth", "\n"), name, value};
}

bool takes_value(const Key& row) { return !row.example.empty() && !row.is(kInclude); }

std::string file_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class EveryRow : public ::testing::TestWithParam<const Key*> {};
class EveryValueRow : public ::testing::TestWithParam<const Key*> {};

TEST_P(EveryRow, IsDocumented) {
  const Key& row = *GetParam();
  EXPECT_GE(row.documentation.size(), 20U);
  EXPECT_TRUE(row.documentation.ends_with('.')) << row.documentation;
  EXPECT_FALSE(row.syntax.empty());
  EXPECT_FALSE(row.initial.empty());
  EXPECT_FALSE(row.since.empty());
}

TEST_P(EveryRow, IsFoundByItsName) {
  const Key& row = *GetParam();
  const Setting setting = setting_of(row);
  EXPECT_EQ(find_key(setting.key).key, &row);
  EXPECT_TRUE(is_supported(setting.key));
  EXPECT_FALSE(is_supported(setting.key + "x_y") && !row.is(kPrefix));
}

TEST_P(EveryValueRow, KeepsItsExampleThroughSetGetSaveLoad) {
  const Key& row = *GetParam();
  const Setting setting = setting_of(row);
  Conf conf;
  ASSERT_TRUE(load_text(conf, setting.before, "before"));
  const std::string unset = get_item(conf, setting.key).value();
  const auto set = set_item(conf, setting.key, setting.value);
  ASSERT_TRUE(set) << set.error().line();
  const std::string value = get_item(conf, setting.key).value();
  EXPECT_FALSE(value.empty());
  if (row.name != "lxc.net.N.type") {
    EXPECT_NE(value, unset);
  }

  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/config";
  ASSERT_TRUE(save_file(conf, path));
  EXPECT_EQ(file_text(path), strings::cat(setting.before, setting.key, " = ", setting.value, "\n"));
  Conf loaded;
  ASSERT_TRUE(load_file(loaded, path));
  EXPECT_EQ(get_item(loaded, setting.key).value(), value);
  EXPECT_EQ(loaded.unexpanded, conf.unexpanded);
}

TEST_P(EveryValueRow, WhatTheGetterGivesCanBeSetAgain) {
  const Key& row = *GetParam();
  const Setting setting = setting_of(row);
  Conf first, second;
  ASSERT_TRUE(load_text(first, strings::cat(setting.before, setting.key, " = ", setting.value, "\n"), "first"));
  ASSERT_TRUE(load_text(second, setting.before, "second"));
  const std::string value = get_item(first, setting.key).value();
  std::string text = value;
  if (!row.is(kList)) std::ranges::replace(text, '\n', ' ');  // several words of one line
  for (const std::string_view line : strings::split_words(text, "\n")) {
    const auto set = set_item(second, setting.key, line);
    ASSERT_TRUE(set) << set.error().line();
  }
  EXPECT_EQ(get_item(second, setting.key).value(), value);
}

TEST_P(EveryValueRow, AnEmptyLineClears) {
  const Key& row = *GetParam();
  const Setting setting = setting_of(row);
  Conf untouched, conf;
  ASSERT_TRUE(load_text(untouched, setting.before, "untouched"));
  const std::string line = strings::cat(setting.key, " = ", setting.value, "\n");
  ASSERT_TRUE(load_text(conf, strings::cat(setting.before, line, line, setting.key, " =\n"), "cleared"));
  if (row.is(kEmptyIsZero)) {
    EXPECT_EQ(get_item(conf, setting.key).value(), "0");
    return;
  }
  const std::string cleared = row.name == "lxc.net.N.type" ? "" : get_item(untouched, setting.key).value();
  EXPECT_EQ(get_item(conf, setting.key).value(), cleared);
  EXPECT_FALSE(conf.origins.contains(setting.key));
}

TEST_P(EveryValueRow, ClearItemClearsValueAndText) {
  const Key& row = *GetParam();
  const Setting setting = setting_of(row);
  Conf untouched, conf;
  ASSERT_TRUE(load_text(untouched, setting.before, "untouched"));
  ASSERT_TRUE(load_text(conf, strings::cat(setting.before, "# kept\n", setting.key, "=", setting.value, "\n"), "conf"));
  ASSERT_TRUE(clear_item(conf, setting.key));
  const std::string cleared = row.name == "lxc.net.N.type" ? "" : get_item(untouched, setting.key).value();
  EXPECT_EQ(get_item(conf, setting.key).value(), cleared);
  const bool is_type = row.name == "lxc.net.N.type";
  EXPECT_EQ(conf.unexpanded, is_type ? "# kept\n" : setting.before + "# kept\n");
}

TEST_P(EveryValueRow, RepeatedLinesAddToListsAndReplaceOthers) {
  const Key& row = *GetParam();
  const Setting setting = setting_of(row);
  const std::string line = strings::cat(setting.key, " = ", setting.value, "\n");
  Conf once, twice;
  ASSERT_TRUE(load_text(once, setting.before + line, "once"));
  ASSERT_TRUE(load_text(twice, setting.before + line + line, "twice"));
  const std::set<std::string_view> replacing = {"lxc.mount.auto", "lxc.prlimit", "lxc.sysctl", "lxc.proc"};
  const bool grows = row.is(kList) && !replacing.contains(row.name);
  EXPECT_EQ(get_item(once, setting.key).value() != get_item(twice, setting.key).value(), grows);
}

// A value that the row refuses, and the part of it that is at fault where that is not all of it.
struct Wrong {
  std::string_view key, value, part = {};
};
constexpr auto kWrong = std::to_array<Wrong>({
    {"lxc.rootfs.path", "nope:/srv", "nope"},
    {"lxc.rootfs.options", "ro,create=dir"},
    {"lxc.rootfs.managed", "yes"},
    {"lxc.mount.auto", "proc sysfs", "sysfs"},
    {"lxc.mount.entry", "/srv srv"},
    {"lxc.autodev", "on"},
    {"lxc.autodev.tmpfs.size", "some"},
    {"lxc.tty.max", "four"},
    {"lxc.tty.dir", "a/../b", ".."},
    {"lxc.pty.max", "-1"},
    {"lxc.console.buffer.size", "1TB"},
    {"lxc.console.size", "much"},
    {"lxc.console.rotate", "2"},
    {"lxc.cgroup2", "a/b = 1", "a/b"},
    {"lxc.cgroup", "a/b.c = 1", "a/b.c"},
    {"lxc.cgroup.dir", "/machines"},
    {"lxc.cgroup.dir.monitor", "a/../b", ".."},
    {"lxc.cgroup.dir.monitor.pivot", "/a"},
    {"lxc.cgroup.dir.container", "/a"},
    {"lxc.cgroup.dir.container.inner", "a/b"},
    {"lxc.cgroup.relative", "true"},
    {"lxc.namespace.clone", "net disk", "disk"},
    {"lxc.namespace.keep", "disk"},
    {"lxc.namespace.share", "disk = web2", "disk"},
    {"lxc.idmap", "u 0 root 65536", "root"},
    {"lxc.uts.name", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {"lxc.time.offset.boot", "36"},
    {"lxc.time.offset.monotonic", "5d"},
    {"lxc.init.cmd", "/bin/sh 'open"},
    {"lxc.execute.cmd", "/bin/sh \"open"},
    {"lxc.init.cwd", "srv"},
    {"lxc.init.uid", "root"},
    {"lxc.init.gid", "-1"},
    {"lxc.init.groups", "10,wheel", "wheel"},
    {"lxc.environment", "=1"},
    {"lxc.environment.runtime", "=1"},
    {"lxc.environment.hooks", "=1"},
    {"lxc.signal.halt", "TERM"},
    {"lxc.signal.reboot", "SIGNONE"},
    {"lxc.signal.stop", "65"},
    {"lxc.arch", "z80"},
    {"lxc.prlimit", "nofile = many"},
    {"lxc.sysctl", "a b = 1", "a b"},
    {"lxc.proc", "../x = 1", "../x"},
    {"lxc.sched.core", "x"},
    {"lxc.hook.version", "2"},
    {"lxc.cap.drop", "sys_time nope", "nope"},
    {"lxc.cap.keep", "CAP_CHOWN"},
    {"lxc.no_new_privs", "x"},
    {"lxc.keyring.session", "x"},
    {"lxc.apparmor.allow_incomplete", "x"},
    {"lxc.apparmor.allow_nesting", "x"},
    {"lxc.seccomp.allow_nesting", "x"},
    {"lxc.seccomp.notify.proxy", "tcp:1"},
    {"lxc.include", "/no/such/file"},
    {"lxc.ephemeral", "x"},
    {"lxc.start.auto", "x"},
    {"lxc.start.delay", "-1"},
    {"lxc.start.order", "first"},
    {"lxc.log.level", "LOUD"},
    {"lxc.log.syslog", "kern"},
    {"lxc.monitor.unshare", "x"},
    {"lxc.monitor.signal.pdeath", "TERM"},
    {"lxc.hook", "x"},
    {"lxc.net", "x"},
    {"lxc.net.N.type", "vetch"},
    {"lxc.net.N.flags", "down"},
    {"lxc.net.N.link", "a-name-of-16-cha"},
    {"lxc.net.N.l2proxy", "x"},
    {"lxc.net.N.name", "eth/0"},
    {"lxc.net.N.hwaddr", "10:66:6a"},
    {"lxc.net.N.mtu", "big"},
    {"lxc.net.N.ipv6.address", "fe80::1/129"},
    {"lxc.net.N.ipv6.gateway", "here"},
    {"lxc.net.N.ipv4.address", "10.0.3.300/24"},
    {"lxc.net.N.ipv4.gateway", "here"},
    {"lxc.net.N.macvlan.mode", "x"},
    {"lxc.net.N.ipvlan.mode", "l4"},
    {"lxc.net.N.ipvlan.isolation", "x"},
    {"lxc.net.N.vlan.id", "4095"},
    {"lxc.net.N.veth.mode", "x"},
    {"lxc.net.N.veth.pair", "a b"},
    {"lxc.net.N.veth.n_rxqueues", "0"},
    {"lxc.net.N.veth.n_txqueues", "0"},
    {"lxc.net.N.veth.ipv4.route", "192.0.2.0"},
    {"lxc.net.N.veth.ipv6.route", "2001:db8::"},
    {"lxc.net.N.veth.vlan.id", "4095"},
    {"lxc.net.N.veth.vlan.tagged.id", "none"},
    {"lxc.net.N.publish", "8080"},
    {"lxc.net.N.limit.ingress", "10Mbps"},
    {"lxc.net.N.limit.egress", "fast"},
    {"lxc.net.N.dns", "10.0.3.1 localhost"},
});

// Texts of any kind: there is nothing to refuse.
constexpr auto kFree = std::to_array<std::string_view>(
    {"lxc.rootfs.mount", "lxc.mount.fstab", "lxc.console.path", "lxc.console.logfile", "lxc.apparmor.profile", "lxc.apparmor.raw",
     "lxc.selinux.context", "lxc.selinux.context.keyring", "lxc.seccomp.profile", "lxc.seccomp.notify.cookie", "lxc.group",
     "lxc.log.file", "lxc.net.N.script.up", "lxc.net.N.script.down"});

bool is_free(std::string_view name) {
  return std::ranges::find(kFree, name) != kFree.end() || (name.starts_with("lxc.hook.") && name != "lxc.hook.version");
}

// File, line, column, key, what was expected, what was found; and what follows is checked all the same.
TEST_P(EveryRow, RefusesAWrongValueAndGoesOn) {
  const Key& row = *GetParam();
  if (is_free(row.name)) return;
  const auto wrong = std::ranges::find(kWrong, row.name, &Wrong::key);
  ASSERT_NE(wrong, kWrong.end()) << "which value is wrong for " << row.name << "?";
  Key with_value = row;
  with_value.example = wrong->value;
  const Setting setting = setting_of(with_value);
  const testing::TemporaryDirectory directory;
  const std::string line = strings::cat("  ", setting.key, " = ", setting.value);
  const std::string path = directory.file("config", strings::cat(setting.before, line, "\nlxc.ephemeral = maybe\n"));
  Conf conf;
  const auto problems = check_file(conf, path);
  ASSERT_EQ(problems.size(), 2U);
  const Error& error = problems[0];
  EXPECT_EQ(error.origin().file, path);
  EXPECT_EQ(error.origin().line, setting.before.empty() ? 1U : 2U);
  EXPECT_EQ(error.origin().text, strings::trim(line));
  EXPECT_THAT(problems[1].line(),
              ::testing::HasSubstr("bad value for lxc.ephemeral at column 17: expected 0 or 1, found \"maybe\""));
  if (row.is(kInclude) || row.name == "lxc.namespace.share") return;  // a file; a part of the key
  EXPECT_THAT(error.line(), ::testing::HasSubstr(setting.key));
  EXPECT_THAT(error.line(), ::testing::HasSubstr("expected "));
  const std::string_view found = wrong->part.empty() ? std::string_view(setting.value) : wrong->part;
  EXPECT_THAT(error.line(), ::testing::HasSubstr(strings::cat("found \"", found, "\"")));
  EXPECT_THAT(error.line(), ::testing::HasSubstr(" at column "));
}

std::string row_name(const ::testing::TestParamInfo<const Key*>& row) {
  std::string name{row.param->name};
  for (char& c : name) {
    if (c == '.' || c == '-') c = '_';
  }
  return name;
}
std::vector<const Key*> value_rows() {
  auto rows = all_rows();
  std::erase_if(rows, [](const Key* row) { return !takes_value(*row); });
  return rows;
}
INSTANTIATE_TEST_SUITE_P(KeyTable, EveryRow, ::testing::ValuesIn(all_rows()), row_name);
INSTANTIATE_TEST_SUITE_P(KeyTable, EveryValueRow, ::testing::ValuesIn(value_rows()), row_name);

TEST(KeyTable, OnlyTheActionsTakeNoValue) {
  EXPECT_EQ(all_rows().size() - value_rows().size(), 3U);
}  // lxc.hook, lxc.net, lxc.include

TEST(KeyTable, HoldsEveryKeyOfLxc) {
  // The names that LXC 7.0 knows, from its manual pages; lxc.cgroup as a prefix is version 1, which berth keeps.
  constexpr std::string_view kKnown =
      "lxc.arch lxc.apparmor.profile lxc.apparmor.allow_incomplete lxc.apparmor.allow_nesting lxc.apparmor.raw lxc.autodev "
      "lxc.autodev.tmpfs.size lxc.cap.drop lxc.cap.keep lxc.cgroup2 lxc.cgroup lxc.cgroup.dir lxc.cgroup.dir.monitor "
      "lxc.cgroup.dir.container lxc.cgroup.dir.container.inner lxc.cgroup.dir.monitor.pivot lxc.cgroup.relative "
      "lxc.console.buffer.size lxc.console.logfile lxc.console.size lxc.console.rotate lxc.console.path lxc.environment "
      "lxc.environment.runtime lxc.environment.hooks lxc.ephemeral lxc.execute.cmd lxc.group lxc.hook.version "
      "lxc.hook.pre-start lxc.hook.pre-mount lxc.hook.mount lxc.hook.autodev lxc.hook.start-host lxc.hook.start lxc.hook.stop "
      "lxc.hook.post-stop lxc.hook.clone lxc.hook.destroy lxc.hook lxc.idmap lxc.include lxc.init.cmd lxc.init.cwd lxc.init.uid "
      "lxc.init.gid lxc.init.groups lxc.keyring.session lxc.log.file lxc.log.level lxc.log.syslog lxc.monitor.unshare "
      "lxc.monitor.signal.pdeath lxc.mount.auto lxc.mount.entry lxc.mount.fstab lxc.namespace.clone lxc.namespace.keep "
      "lxc.namespace.share.net lxc.net lxc.no_new_privs lxc.prlimit lxc.proc lxc.pty.max lxc.rootfs.path lxc.rootfs.mount "
      "lxc.rootfs.options lxc.rootfs.managed lxc.sched.core lxc.seccomp.profile lxc.seccomp.allow_nesting "
      "lxc.seccomp.notify.proxy lxc.seccomp.notify.cookie lxc.selinux.context lxc.selinux.context.keyring lxc.signal.halt "
      "lxc.signal.reboot lxc.signal.stop lxc.start.auto lxc.start.delay lxc.start.order lxc.sysctl lxc.time.offset.boot "
      "lxc.time.offset.monotonic lxc.tty.dir lxc.tty.max lxc.uts.name "
      "lxc.net.0 lxc.net.0.type lxc.net.0.flags lxc.net.0.link lxc.net.0.l2proxy lxc.net.0.name lxc.net.0.hwaddr lxc.net.0.mtu "
      "lxc.net.0.ipv4.address lxc.net.0.ipv4.gateway lxc.net.0.ipv6.address lxc.net.0.ipv6.gateway lxc.net.0.script.up "
      "lxc.net.0.script.down lxc.net.0.macvlan.mode lxc.net.0.ipvlan.mode lxc.net.0.ipvlan.isolation lxc.net.0.vlan.id "
      "lxc.net.0.veth.mode lxc.net.0.veth.pair lxc.net.0.veth.n_rxqueues lxc.net.0.veth.n_txqueues lxc.net.0.veth.ipv4.route "
      "lxc.net.0.veth.ipv6.route lxc.net.0.veth.vlan.id lxc.net.0.veth.vlan.tagged.id";
  for (const std::string_view name : strings::split_words(kKnown)) EXPECT_TRUE(is_supported(name)) << name;
  const auto own = std::ranges::count(network_keys(), "berth", &Key::since);
  EXPECT_EQ(network_keys().size() - static_cast<std::size_t>(own), 25);
}

// Programs that go through the list of a network's keys, as LXC's do, meet those that LXC knows first.
TEST(KeyTable, OwnKeysOfNetworksComeLast) {
  const auto first = std::ranges::find(network_keys(), "berth", &Key::since);
  EXPECT_TRUE(std::all_of(first, network_keys().end(), [](const Key& key) { return key.since == "berth"; }));
}

TEST(KeyTable, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const Key* row : all_rows()) EXPECT_TRUE(names.insert(row->name).second) << row->name;
}

TEST(KeyTable, RefusesNamesThatOnlyLookLikeKeys) {
  for (const std::string_view name :
       {"", "lxc", "lxc.", "lxc.net.", "lxc.net.N.type", "lxc.net.-1.type", "lxc.net.0.", "lxc.net.2147483647.type",
        "lxc.net.0.nope", "lxc.prlimit.", "lxc.cgroup.dir.nope", "lxc.cgroup.relativex", "lxc.cgroup.tasks",
        "lxc.namespace.share", "lxc.rootfs", "lxc.utsname", "lxc.uts.name.x", "uts.name", "LXC.uts.name"}) {
    EXPECT_FALSE(is_supported(name)) << name;
  }
}

TEST(KeyTable, SuggestsTheNearestName) {
  EXPECT_EQ(nearest_key("lxc.rootfs.pth"), "lxc.rootfs.path");
  EXPECT_EQ(nearest_key("lxc.net.12.lnk"), "lxc.net.12.link");
  EXPECT_EQ(nearest_key("lxc.something.quite.different"), "");
}

}  // namespace
}  // namespace berth::config
