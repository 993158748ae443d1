#include <gtest/gtest.h>
#include <unistd.h>
#include <berth/config.hpp>

#include <algorithm>
#include <cerrno>
#include <type_traits>

namespace {

using namespace berth::api;

static_assert(!std::is_copy_constructible_v<Config> && std::is_nothrow_move_constructible_v<Config>);
static_assert(std::is_nothrow_copy_constructible_v<Error>);

Config parsed(std::string_view text) {
  auto config = Config::from_text(text);
  EXPECT_TRUE(config) << config.error().message();
  return std::move(*config);
}

TEST(ApiConfig, KeepsTheTextThatItWasReadFrom) {
  Config config = parsed("# kept\nlxc.uts.name = a  \nlxc.tty.max = 3\n");
  ASSERT_TRUE(config.set_host_name("b"));
  EXPECT_EQ(config.text(), "# kept\nlxc.tty.max = 3\nlxc.uts.name = b\n");
  EXPECT_EQ(config.host_name(), "b");
}

TEST(ApiConfig, SaysWhatIsWrongAndWhere) {
  const auto config = Config::from_text("lxc.uts.name = a\nlxc.tty.max = many\n", "web.conf");
  ASSERT_FALSE(config);
  const Error& error = config.error();
  EXPECT_EQ(error.code(), EINVAL);
  EXPECT_EQ(error.set_by(), "web.conf:2  lxc.tty.max = many");
  EXPECT_TRUE(error.message().find("lxc.tty.max") != std::string::npos) << error.message();
  const std::string text = error.text("tool", "web");
  EXPECT_TRUE(text.starts_with("tool: web: ")) << text;
  EXPECT_TRUE(text.find("\n  set by: web.conf:2") != std::string::npos) << text;
  EXPECT_TRUE(error.text("tool").starts_with("tool: ") && !error.text("tool").starts_with("tool: :"));
}

TEST(ApiConfig, NamesTheKeyThatIsNear) {
  Config config;
  const auto got = config.get("lxc.rootfs.pth");
  ASSERT_FALSE(got);
  EXPECT_TRUE((got.error().message() + got.error().hint()).find("lxc.rootfs.path") != std::string::npos) << got.error().text("t");
  EXPECT_FALSE(Config::is_supported("lxc.rootfs.pth"));
  EXPECT_TRUE(Config::is_supported("lxc.rootfs.path"));
}

TEST(ApiConfig, ListsAddAndReplace) {
  Config config;
  ASSERT_TRUE(config.set("lxc.cap.drop", "mknod"));
  ASSERT_TRUE(config.set("lxc.cap.drop", "sys_boot"));
  EXPECT_EQ(config.get_list("lxc.cap.drop").value(), (std::vector<std::string>{"mknod", "sys_boot"}));
  ASSERT_TRUE(config.replace("lxc.cap.drop", "sys_time"));
  EXPECT_EQ(config.get_list("lxc.cap.drop").value(), std::vector<std::string>{"sys_time"});
  EXPECT_EQ(config.text(), "lxc.cap.drop = sys_time\n");
  ASSERT_TRUE(config.clear("lxc.cap.drop"));
  EXPECT_EQ(config.text(), "");
}

TEST(ApiConfig, ReplacingByWhatIsRefusedChangesNothing) {
  Config config = parsed("lxc.tty.max = 3\n");
  EXPECT_FALSE(config.replace("lxc.tty.max", "many"));
  EXPECT_EQ(config.get("lxc.tty.max").value(), "3");
  EXPECT_EQ(config.text(), "lxc.tty.max = 3\n");
}

TEST(ApiConfig, CopiesAreApart) {
  const Config config = parsed("lxc.uts.name = a\n");
  Config copy = config.copy();
  ASSERT_TRUE(copy.set_host_name("b"));
  EXPECT_EQ(config.host_name(), "a");
  EXPECT_EQ(copy.host_name(), "b");
}

TEST(ApiConfig, RootFileSystemComesBack) {
  Config config;
  ASSERT_TRUE(config.set_root_file_system({.path = "/srv/root", .type = "dir", .options = "ro", .managed = false}));
  const Config again = parsed(config.text());
  const RootFileSystem root = again.root_file_system();
  EXPECT_EQ(root.path, "/srv/root");
  EXPECT_EQ(root.type, "dir");
  EXPECT_EQ(root.options, "ro");
  EXPECT_FALSE(root.managed);
}

TEST(ApiConfig, MountsWithBlanksComeBack) {
  Config config;
  const MountEntry mount{.source = "/srv/my data\\x", .target = "srv/a\tb", .type = "none", .options = "bind,create=dir"};
  ASSERT_TRUE(config.add_mount(mount));
  ASSERT_TRUE(config.add_mount({.source = "/a", .target = "b"}));
  const Config read = parsed(config.text());
  const auto mounts = read.mounts();
  ASSERT_TRUE(mounts);
  ASSERT_EQ(mounts->size(), 2U);
  EXPECT_EQ(mounts->front().source, mount.source);
  EXPECT_EQ(mounts->front().target, mount.target);
  EXPECT_EQ(mounts->front().options, mount.options);
  EXPECT_EQ(mounts->back().options, "bind");
  EXPECT_FALSE(config.add_mount({.source = "", .target = "b"}));
}

TEST(ApiConfig, NetworksComeBack) {
  Config config;
  ASSERT_TRUE(config.set_network({.index = 1, .type = "empty"}));
  ASSERT_TRUE(config.set_network({.index = 0,
                                  .type = "veth",
                                  .link = "br0",
                                  .mtu = 1400,
                                  .up = true,
                                  .ipv4_addresses = {"10.0.3.7/24", "10.0.3.8/24"},
                                  .ipv4_gateway = "auto",
                                  .more_values = {{"veth.pair", "web0"}}}));
  const Config read = parsed(config.text());
  const auto networks = read.networks();
  ASSERT_EQ(networks.size(), 2U);
  EXPECT_EQ(networks[0].type, "veth");
  EXPECT_EQ(networks[0].link, "br0");
  EXPECT_EQ(networks[0].mtu, 1400U);
  EXPECT_TRUE(networks[0].up);
  EXPECT_EQ(networks[0].ipv4_addresses.size(), 2U);
  EXPECT_EQ(networks[0].ipv4_gateway, "auto");
  ASSERT_EQ(networks[0].more_values.size(), 1U);
  EXPECT_EQ(networks[0].more_values[0].second, "web0");
  EXPECT_EQ(networks[1].index, 1U);
}

TEST(ApiConfig, RefusedNetworkLeavesTheOldOne) {
  Config config = parsed("lxc.net.0.type = veth\nlxc.net.0.link = br0\n");
  const std::string before = config.text();
  EXPECT_FALSE(config.set_network({.index = 0, .type = "veth", .link = "br1", .ipv4_addresses = {"rubbish"}}));
  EXPECT_EQ(config.networks().at(0).link, "br0");
  EXPECT_EQ(config.text(), before);
  EXPECT_EQ(config.remove_network(4).error().code(), ENOENT);
  ASSERT_TRUE(config.remove_network(0));
  EXPECT_TRUE(config.networks().empty());
  EXPECT_EQ(config.text(), "");
}

TEST(ApiConfig, EnvironmentReplacesOneVariable) {
  Config config = parsed("lxc.environment = A=1\nlxc.environment = B=x=y\n");
  ASSERT_TRUE(config.set_environment("A", "2 3"));
  const auto environment = config.environment();
  EXPECT_EQ(environment.size(), 2U);
  EXPECT_EQ(environment.at("A"), "2 3");
  EXPECT_EQ(environment.at("B"), "x=y");
  EXPECT_EQ(parsed(config.text()).environment(), environment);
  EXPECT_FALSE(config.set_environment("A=B", "x"));
}

TEST(ApiConfig, LimitsComeBack) {
  Config config;
  ASSERT_TRUE(config.set_resource_limit({.name = "nofile", .soft = 100, .hard = 200}));
  ASSERT_TRUE(config.set_resource_limit({.name = "core", .soft = 0}));
  ASSERT_TRUE(config.set_resource_limit({.name = "nofile", .soft = 150, .hard = 150}));
  const auto limits = config.resource_limits();
  ASSERT_TRUE(limits);
  ASSERT_EQ(limits->size(), 2U);
  const bool nofile_first = limits->front().name == "nofile";
  const ResourceLimit& nofile = nofile_first ? limits->front() : limits->back();
  const ResourceLimit& core = nofile_first ? limits->back() : limits->front();
  EXPECT_EQ(nofile.soft, 150U);
  EXPECT_EQ(nofile.hard, 150U);
  EXPECT_EQ(core.soft, 0U);
  EXPECT_FALSE(core.hard);
  EXPECT_FALSE(config.set_resource_limit({.name = "nonsense", .soft = 1, .hard = 1}));
}

TEST(ApiConfig, GroupSettingsReplaceAndDeviceRulesAddUp) {
  Config config;
  ASSERT_TRUE(config.set_cgroup({.version = 2, .file = "memory.max", .value = "100M"}));
  ASSERT_TRUE(config.set_cgroup({.version = 2, .file = "memory.max", .value = "200M"}));
  ASSERT_TRUE(config.set_cgroup({.version = 1, .file = "devices.allow", .value = "c 1:3 rwm"}));
  ASSERT_TRUE(config.set_cgroup({.version = 1, .file = "devices.allow", .value = "c 1:5 rwm"}));
  const auto settings = config.cgroup_settings();
  ASSERT_EQ(settings.size(), 3U);
  EXPECT_EQ(settings[2].file, "memory.max");
  EXPECT_EQ(settings[2].value, "200M");
  EXPECT_FALSE(config.set_cgroup({.version = 3, .file = "memory.max", .value = "1"}));
}

TEST(ApiConfig, AutostartComesBack) {
  Config config;
  ASSERT_TRUE(config.set_autostart({.enabled = true, .delay = 5, .order = -2, .groups = {"web", "db"}}));
  const Autostart autostart = parsed(config.text()).autostart();
  EXPECT_TRUE(autostart.enabled);
  EXPECT_EQ(autostart.delay, 5U);
  EXPECT_EQ(autostart.order, -2);
  EXPECT_EQ(autostart.groups, (std::vector<std::string>{"web", "db"}));
  ASSERT_TRUE(config.set_autostart({}));
  EXPECT_EQ(config.text(), "");
}

TEST(ApiConfig, SavesAndLoads) {
  const std::string path = testing::TempDir() + "berth-api-config." + std::to_string(::getpid());
  Config config;
  ASSERT_TRUE(config.set_init_command("/bin/init now"));
  ASSERT_TRUE(config.save(path));
  const auto read = Config::from_file(path);
  ::unlink(path.c_str());
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->init_command(), "/bin/init now");
  EXPECT_EQ(Config::from_file(path).error().code(), ENOENT);
}

TEST(ApiConfig, KeysOfANetwork) {
  const Config config = parsed("lxc.net.0.type = veth\n");
  const auto keys = config.keys("lxc.net.0");
  ASSERT_TRUE(keys) << keys.error().message();
  EXPECT_TRUE(std::ranges::find(*keys, "veth.pair") != keys->end()) << keys->front();
  EXPECT_FALSE(config.keys("lxc.nothing"));
}

}  // namespace
