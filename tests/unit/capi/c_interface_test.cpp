#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lxc/lxccontainer.h>
#include <lxc/version.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CInterface : public testing::Test {
 protected:
  CInterface() {
    char name[] = "/tmp/berth-capi-XXXXXX";
    lxcpath = ::mkdtemp(name);
    c = lxc_container_new("c1", lxcpath.c_str());
  }
  ~CInterface() override {
    lxc_container_put(c);
    std::filesystem::remove_all(lxcpath);
  }
  void define(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(lxcpath + "/" + name);
    std::ofstream(lxcpath + "/" + name + "/config") << text;
  }
  std::string item(const char* key) const {
    char text[256] = "unchanged";
    return c->get_config_item(c, key, text, sizeof text) < 0 ? "failed" : text;
  }

  std::string lxcpath;
  lxc_container* c;
};

TEST_F(CInterface, ANewOneIsWhatLxcsIs) {
  ASSERT_NE(c, nullptr);
  EXPECT_STREQ(c->name, "c1");
  EXPECT_EQ(c->config_path, lxcpath);
  EXPECT_EQ(c->configfile, lxcpath + "/c1/config");
  EXPECT_EQ(c->lxc_conf, nullptr);
  EXPECT_EQ(c->numthreads, 1);
  EXPECT_TRUE(c->daemonize);
  EXPECT_EQ(c->error_string, nullptr);
  EXPECT_FALSE(c->is_defined(c));
  EXPECT_FALSE(std::filesystem::exists(lxcpath + "/c1"));
}

TEST_F(CInterface, NoMemberIsMissing) {
  const auto* first = reinterpret_cast<void* const*>(&c->is_defined);
  const auto* last = reinterpret_cast<void* const*>(&c->devpts_fd);
  for (const auto* member = first; member <= last; ++member) EXPECT_NE(*member, nullptr) << member - first;
  EXPECT_NE(c->set_timeout, nullptr);
}

TEST_F(CInterface, NamesThatCanNotBe) {
  EXPECT_EQ(lxc_container_new(nullptr, lxcpath.c_str()), nullptr);
  EXPECT_EQ(lxc_container_new("", lxcpath.c_str()), nullptr);
  EXPECT_EQ(lxc_container_new("a/b", lxcpath.c_str()), nullptr);
  EXPECT_EQ(lxc_container_new("a", "relative"), nullptr);
  define("bad", "lxc.no.such.key = 1\n");
  EXPECT_EQ(lxc_container_new("bad", lxcpath.c_str()), nullptr);
}

TEST_F(CInterface, NullIsAFailureEverywhere) {
  EXPECT_FALSE(c->is_defined(nullptr));
  EXPECT_EQ(c->state(nullptr), nullptr);
  EXPECT_FALSE(c->is_running(nullptr));
  EXPECT_FALSE(c->freeze(nullptr));
  EXPECT_EQ(c->init_pid(nullptr), -1);
  EXPECT_EQ(c->init_pidfd(nullptr), -EBADF);
  EXPECT_FALSE(c->load_config(nullptr, nullptr));
  EXPECT_FALSE(c->start(nullptr, 0, nullptr));
  EXPECT_FALSE(c->startl(nullptr, 0, nullptr));
  EXPECT_FALSE(c->stop(nullptr));
  EXPECT_EQ(c->config_file_name(nullptr), nullptr);
  EXPECT_FALSE(c->wait(nullptr, "RUNNING", 0));
  EXPECT_FALSE(c->set_config_item(nullptr, "lxc.uts.name", "x"));
  EXPECT_FALSE(c->destroy(nullptr));
  EXPECT_FALSE(c->save_config(nullptr, nullptr));
  EXPECT_FALSE(c->create(nullptr, nullptr, nullptr, nullptr, 0, nullptr));
  EXPECT_FALSE(c->rename(nullptr, "x"));
  c->clear_config(nullptr);
  EXPECT_EQ(c->get_config_item(nullptr, "lxc.uts.name", nullptr, 0), -1);
  EXPECT_EQ(c->get_keys(nullptr, nullptr, nullptr, 0), -1);
  EXPECT_EQ(c->get_interfaces(nullptr), nullptr);
  EXPECT_EQ(c->get_ips(nullptr, nullptr, nullptr, 0), nullptr);
  EXPECT_EQ(c->get_config_path(nullptr), nullptr);
  EXPECT_EQ(c->clone(nullptr, "x", nullptr, 0, nullptr, nullptr, 0, nullptr), nullptr);
  EXPECT_LT(c->attach(nullptr, lxc_attach_run_shell, nullptr, nullptr, nullptr), 0);
  EXPECT_LT(c->attach_run_waitl(nullptr, nullptr, "true", "true", nullptr), 0);
  EXPECT_EQ(c->snapshot(nullptr, nullptr), -1);
  EXPECT_EQ(c->migrate(nullptr, MIGRATE_DUMP, nullptr, 0), -EINVAL);
  EXPECT_LT(c->console_log(nullptr, nullptr), 0);
  EXPECT_LT(c->mount(nullptr, nullptr, nullptr, nullptr, 0, nullptr, nullptr), 0);
  EXPECT_EQ(lxc_container_get(nullptr), 0);
  EXPECT_EQ(lxc_container_put(nullptr), -1);
}

TEST_F(CInterface, References) {
  EXPECT_EQ(lxc_container_get(c), 1);
  EXPECT_EQ(c->numthreads, 2);
  EXPECT_EQ(lxc_container_put(c), 0);
  lxc_container* other = lxc_container_new("c2", lxcpath.c_str());
  EXPECT_EQ(lxc_container_put(other), 1);
}

TEST_F(CInterface, ItemsFitTheCallersMemory) {
  EXPECT_EQ(c->get_config_item(c, "lxc.uts.name", nullptr, 0), -1);  // nothing is loaded
  ASSERT_TRUE(c->set_config_item(c, "lxc.uts.name", "foobar"));
  EXPECT_NE(c->lxc_conf, nullptr);
  EXPECT_EQ(c->get_config_item(c, "lxc.uts.name", nullptr, 0), 6);
  char text[8];
  std::memset(text, '#', sizeof text);
  EXPECT_EQ(c->get_config_item(c, "lxc.uts.name", text, 4), 6);
  EXPECT_STREQ(text, "foo");
  EXPECT_EQ(text[4], '#');
  EXPECT_EQ(c->get_config_item(c, "lxc.uts.name", text, 7), 6);
  EXPECT_STREQ(text, "foobar");
  EXPECT_EQ(c->get_config_item(c, "lxc.uts.name", text, 0), 6);
  EXPECT_EQ(c->get_config_item(c, "lxc.no.such.key", text, sizeof text), -1);
  EXPECT_EQ(c->get_config_item(c, nullptr, text, sizeof text), -1);
}

TEST_F(CInterface, ListsEndEachEntry) {
  ASSERT_TRUE(c->set_config_item(c, "lxc.cap.drop", "sys_module"));
  ASSERT_TRUE(c->set_config_item(c, "lxc.cap.drop", "mac_admin"));
  EXPECT_EQ(item("lxc.cap.drop"), "sys_module\nmac_admin\n");
  ASSERT_TRUE(c->set_config_item(c, "lxc.cap.drop", ""));
  EXPECT_EQ(item("lxc.cap.drop"), "");
  EXPECT_TRUE(c->clear_config_item(c, "lxc.uts.name"));
  EXPECT_FALSE(c->clear_config_item(c, "lxc.no.such.key"));
}

TEST_F(CInterface, AFailureIsExplained) {
  EXPECT_FALSE(c->set_config_item(c, "lxc.uts.nam", "x"));
  ASSERT_NE(c->error_string, nullptr);
  EXPECT_THAT(c->error_string, HasSubstr("lxc.uts.name"));
  EXPECT_FALSE(c->start(c, 0, nullptr));
  EXPECT_THAT(c->error_string, HasSubstr("c1"));
  EXPECT_EQ(c->error_num, 1);
}

TEST_F(CInterface, SavedAndLoaded) {
  define("c2", "# mine\nlxc.uts.name = two\n");
  lxc_container* two = lxc_container_new("c2", lxcpath.c_str());
  ASSERT_NE(two, nullptr);
  EXPECT_TRUE(two->is_defined(two));
  ASSERT_TRUE(two->set_config_item(two, "lxc.tty.max", "3"));
  ASSERT_TRUE(two->save_config(two, nullptr));
  std::ifstream file(lxcpath + "/c2/config");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, "# mine\nlxc.uts.name = two\nlxc.tty.max = 3\n");
  const std::string other = lxcpath + "/other";
  std::ofstream(other) << "lxc.uts.name = three\nlxc.bad\n";
  EXPECT_FALSE(two->load_config(two, other.c_str()));
  char name[16];
  two->get_config_item(two, "lxc.uts.name", name, sizeof name);
  EXPECT_STREQ(name, "two") << "half of a file with an error was taken";
  lxc_container_put(two);
}

TEST_F(CInterface, AnotherPath) {
  EXPECT_FALSE(c->set_config_path(c, "relative"));
  EXPECT_FALSE(c->set_config_path(c, nullptr));
  ASSERT_TRUE(c->set_config_path(c, "/somewhere/"));
  EXPECT_STREQ(c->get_config_path(c), "/somewhere");
  char* file = c->config_file_name(c);
  EXPECT_STREQ(file, "/somewhere/c1/config");
  std::free(file);
}

TEST_F(CInterface, Lists) {
  define("b", "");
  define("a", "");
  define(".hidden", "");
  char** names = nullptr;
  lxc_container** handles = nullptr;
  ASSERT_EQ(list_defined_containers(lxcpath.c_str(), &names, &handles), 2);
  EXPECT_THAT((std::vector<std::string>{names[0], names[1]}), ElementsAre("a", "b"));
  EXPECT_STREQ(handles[1]->name, "b");
  for (int i = 0; i < 2; ++i) {
    std::free(names[i]);
    lxc_container_put(handles[i]);
  }
  std::free(names);
  std::free(handles);
  EXPECT_EQ(list_all_containers(lxcpath.c_str(), nullptr, nullptr), 2);
  EXPECT_EQ(list_active_containers(lxcpath.c_str(), nullptr, nullptr), 0);
}

TEST_F(CInterface, MigrateLooksAtTheSize) {
  migrate_opts options = {};
  EXPECT_EQ(c->migrate(c, MIGRATE_DUMP, &options, sizeof options), -ENOSYS);
  EXPECT_EQ(c->migrate(c, 77, &options, sizeof options), -EINVAL);
  EXPECT_EQ(c->migrate(c, MIGRATE_DUMP, nullptr, sizeof options), -EINVAL);
  struct {
    migrate_opts known;
    char more[16];
  } longer = {};
  EXPECT_EQ(c->migrate(c, MIGRATE_DUMP, &longer.known, sizeof longer), -ENOSYS);
  longer.more[15] = 1;
  EXPECT_EQ(c->migrate(c, MIGRATE_DUMP, &longer.known, sizeof longer), -E2BIG);
}

TEST_F(CInterface, FlagsThatAreNone) {
  EXPECT_FALSE(c->create(c, "busybox", nullptr, nullptr, 1 << 5, nullptr));
  EXPECT_EQ(c->clone(c, "x", nullptr, 1 << 9, nullptr, nullptr, 0, nullptr), nullptr);
  lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
  options.attach_flags = 1 << 30;
  EXPECT_EQ(c->attach(c, lxc_attach_run_shell, nullptr, &options, nullptr), -EINVAL);
  EXPECT_FALSE(c->set_timeout(c, 0));
  EXPECT_FALSE(c->set_timeout(c, -2));
  EXPECT_TRUE(c->set_timeout(c, -1));
  EXPECT_TRUE(c->set_timeout(c, 3));
  EXPECT_EQ(c->rcv_timeout, 3);
}

TEST_F(CInterface, WhatDoesNotRun) {
  EXPECT_STREQ(c->state(c), "STOPPED");
  EXPECT_TRUE(c->stop(c));
  EXPECT_TRUE(c->shutdown(c, 0));
  EXPECT_FALSE(c->reboot(c));
  EXPECT_TRUE(c->reboot2(c, 0));
  EXPECT_TRUE(c->unfreeze(c));
  EXPECT_FALSE(c->freeze(c));
  EXPECT_TRUE(c->may_control(c));
  EXPECT_EQ(c->init_pidfd(c), -ECONNREFUSED);
  EXPECT_EQ(c->devpts_fd(c), -ECONNREFUSED);
  EXPECT_EQ(c->attach(c, lxc_attach_run_shell, nullptr, nullptr, nullptr), -ECONNREFUSED);
  EXPECT_TRUE(c->wait(c, "STOPPED|FROZEN", 0));
  EXPECT_FALSE(c->wait(c, "NONSENSE", 0));
  EXPECT_FALSE(c->wait(c, nullptr, 0));
  EXPECT_EQ(c->get_running_config_item(c, "lxc.uts.name"), nullptr);
}

TEST_F(CInterface, ManyThreadsOnOneContainer) {
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      for (int round = 0; round < 200; ++round) {
        lxc_container_get(c);
        c->set_config_item(c, "lxc.uts.name", std::to_string(i).c_str());
        c->set_config_item(c, "lxc.no.such.key", "x");
        char text[16];
        c->get_config_item(c, "lxc.uts.name", text, sizeof text);
        c->set_config_path(c, lxcpath.c_str());
        lxc_get_global_config_item("lxc.lxcpath");
        lxc_container_put(c);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(c->numthreads, 1);
}

TEST(CGlobals, Facts) {
  EXPECT_STREQ(lxc_get_version(), LXC_VERSION);
  const char* states[8] = {};
  EXPECT_EQ(lxc_get_wait_states(nullptr), 8);
  EXPECT_EQ(lxc_get_wait_states(states), 8);
  EXPECT_STREQ(states[0], "STOPPED");
  EXPECT_STREQ(states[7], "THAWED");
  EXPECT_TRUE(lxc_has_api_extension(nullptr));
  EXPECT_TRUE(lxc_has_api_extension("mount_injection"));
  for (const char* network : {"network_veth_routes", "network_ipvlan", "network_l2proxy", "network_gateway_device_route",
                              "network_phys_macvlan_mtu", "network_veth_router", "network_bridge_vlan"}) {
    EXPECT_TRUE(lxc_has_api_extension(network)) << network;
  }
  EXPECT_FALSE(lxc_has_api_extension("no_such_thing"));
  EXPECT_TRUE(lxc_config_item_is_supported("lxc.uts.name"));
  EXPECT_TRUE(lxc_config_item_is_supported("lxc.net."));
  EXPECT_FALSE(lxc_config_item_is_supported("lxc.utsname"));
  EXPECT_FALSE(lxc_config_item_is_supported(nullptr));
  errno = 0;
  EXPECT_EQ(lxc_get_global_config_item("lxc.no.such.key"), nullptr);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_NE(lxc_get_global_config_item("lxc.lxcpath"), nullptr);
}

}  // namespace
