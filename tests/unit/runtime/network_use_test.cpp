#include "runtime/network_use.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/strings.hpp"
#include "fake_monitor.hpp"

namespace berth::runtime {
namespace {

os::Link link(int index, std::string name, std::string kind, int below, std::uint64_t rx, std::uint64_t tx) {
  os::Link made{};
  made.index = index;
  made.name = std::move(name);
  made.kind = std::move(kind);
  made.below = below;
  made.counters = os::LinkCounters{.rx_bytes = rx, .tx_bytes = tx};
  return made;
}

std::string shown(const std::vector<NetworkUse>& uses) {
  std::string text;
  for (const NetworkUse& use : uses) text += strings::cat(use.name, " sent ", use.sent, " received ", use.received, "; ");
  return text;
}

TEST(NetworkUse, AVethIsCountedAtTheHostsEnd) {
  EXPECT_EQ(shown(network_use({{"veth", "br0", "eth0", "veth1"}},
                              {link(5, "br0", "bridge", 0, 9, 9), link(7, "veth1", "veth", 2, 10, 20)}, {})),
            "veth1 sent 10 received 20; ");
}

TEST(NetworkUse, OthersAreCountedInside) {
  const std::vector<os::Link> host = {link(5, "uplink", "", 0, 900, 900)};
  EXPECT_EQ(shown(network_use({{"macvlan", "uplink", "", ""}}, host, {link(2, "eth0", "macvlan", 5, 1, 2)})),
            "uplink sent 2 received 1; ");
  EXPECT_EQ(shown(network_use({{"phys", "nic0", "wan", ""}, {"phys", "nic+", "", ""}}, host,
                              {link(3, "nic4", "", 0, 3, 4), link(4, "wan", "", 0, 5, 6)})),
            "nic0 sent 6 received 5; nic+ sent 4 received 3; ");
}

TEST(NetworkUse, TwoOfAKindOnOneInterfaceAreTakenInTheirOrder) {
  const std::vector<os::Link> host = {link(5, "uplink", "", 0, 0, 0)};
  const std::vector<os::Link> inside = {link(2, "a", "macvlan", 6, 0, 0), link(3, "b", "ipvlan", 5, 0, 0),
                                        link(4, "c", "macvlan", 5, 1, 2), link(7, "d", "macvlan", 5, 3, 4)};
  EXPECT_EQ(shown(network_use({{"macvlan", "uplink", "", ""}, {"macvlan", "uplink", "", ""}}, host, inside)),
            "uplink sent 2 received 1; uplink sent 4 received 3; ");
}

TEST(NetworkUse, WhatIsNotThereIsNotShown) {
  EXPECT_EQ(shown(network_use({{"veth", "br0", "", ""},
                               {"veth", "br0", "", "gone"},
                               {"empty", "", "", ""},
                               {"macvlan", "gone", "", ""},
                               {"vlan", "nic", "lost", ""}},
                              {}, {})),
            "");
}

TEST(NetworkUse, NumbersCanHaveGaps) {
  const std::map<std::string, std::string> items = {
      {"lxc.net", "veth\nmacvlan\nphys\n"}, {"lxc.net.3.type", "veth"}, {"lxc.net.3.veth.pair", "veth7"},
      {"lxc.net.4.type", "macvlan"},        {"lxc.net.4.link", "up0"},  {"lxc.net.40.type", "phys"},
      {"lxc.net.40.link", "nic0"}};
  const std::string path = strings::cat("/tmp/berth-network-gaps-", ::getpid());
  int asked = 0;
  const berth::testing::FakeMonitor monitor(path, "c", [&](Command, std::int64_t, const std::string& data) {
    ++asked;
    const auto found = items.find(data.c_str());
    return found == items.end() ? berth::testing::Answer{.result = -ENOENT}
                                : berth::testing::Answer{.data = found->second + std::string(1, '\0')};
  });
  const auto networks = configured_networks(CommandClient(path, "c"));
  ASSERT_EQ(networks.size(), 3U);
  EXPECT_EQ(networks[0].host_name(), "veth7");
  EXPECT_EQ(networks[1].host_name(), "up0");
  EXPECT_EQ(networks[2].host_name(), "nic0");
  EXPECT_LT(asked, 100);
}

TEST(NetworkUse, AsksUntilThereIsNoType) {
  const std::map<std::string, std::string> items = {{"lxc.net.0.type", "veth"},    {"lxc.net.0.veth.pair", "veth7"},
                                                    {"lxc.net.1.type", "macvlan"}, {"lxc.net.1.link", "up0"},
                                                    {"lxc.net.1.name", "eth1"},    {"lxc.net.3.type", "phys"}};
  const std::string path = strings::cat("/tmp/berth-network-use-", ::getpid());
  const berth::testing::FakeMonitor monitor(path, "c", [&](Command, std::int64_t, const std::string& data) {
    const auto found = items.find(data.c_str());
    return found == items.end() ? berth::testing::Answer{.result = -ENOENT}
                                : berth::testing::Answer{.data = found->second + std::string(1, '\0')};
  });
  const auto networks = configured_networks(CommandClient(path, "c"));
  ASSERT_EQ(networks.size(), 2U);
  EXPECT_EQ(networks[0].host_name(), "veth7");
  EXPECT_EQ(networks[1].host_name(), "up0");
  EXPECT_EQ(networks[1].name, "eth1");
}

}  // namespace
}  // namespace berth::runtime
