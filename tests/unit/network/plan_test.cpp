// What each kind of network asks of the kernel, read back from the bytes; and what is refused before anything is asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/veth.h>
#include <net/if.h>

#include "fake_host.hpp"
#include "network/requests.hpp"

namespace berth::network {
namespace {

using test::attributes_of;
using test::Decoded;
using test::FakeHost;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::StartsWith;
using Link = Decoded<ifinfomsg>;

Subnet subnet(const char* text, unsigned line = 1) {
  Subnet made = *parse_subnet(text);
  made.origin = {"config", line, text};
  return made;
}

class NetworkPlan : public ::testing::Test {
 protected:
  NetworkPlan() {
    bridge = &host.add("br0", "bridge", 1400);
    host.addresses[bridge->index] = {{AF_INET6, "fe80::9", 64, RT_SCOPE_LINK}, {AF_INET, "10.0.3.1", 24, 0}};
    nic = &host.add("nic0", "", 1500);
    section.index = 2;
    section.type = "veth";
    section.origin = {"config", 7, "lxc.net.2.type = veth"};
    section.name = "eth0";
    section.mode = "bridge";
    section.isolation = "bridge";
    section.up = true;
  }
  void set(const char* subkey, unsigned line) { section.origins[subkey] = {"config", line, subkey}; }
  void use(const char* type, const char* mode, const char* link) {
    section.type = type;
    section.mode = mode;
    section.link = link;
    set("link", 8);
  }
  void plan() {
    recipe = {};
    const Status made = plan_network(section, host, recipe);
    ASSERT_TRUE(made) << made.error().line();
  }
  // The refusal: its words, the line that asked, the way out.
  void expect_refusal(const char* words, unsigned line, const char* hint) {
    recipe = {};
    const Status made = plan_network(section, host, recipe);
    ASSERT_FALSE(made) << words;
    EXPECT_THAT(made.error().line(), HasSubstr(words));
    EXPECT_EQ(made.error().origin().line, line) << words;
    EXPECT_THAT(made.error().hint(), HasSubstr(hint));
  }
  const Act& act(std::size_t index) { return recipe.entries.at(index).act; }
  std::vector<std::string> doings() {
    std::vector<std::string> all;
    for (const Entry& entry : recipe.entries) all.push_back(entry.act.doing);
    return all;
  }
  const Entry& entry_doing(std::string_view words) {
    for (const Entry& entry : recipe.entries) {
      if (entry.act.doing.contains(words)) return entry;
    }
    throw std::runtime_error("no act: " + std::string(words));
  }

  FakeHost host;
  os::LinkDetails* bridge;
  os::LinkDetails* nic;
  Section section;
  Recipe recipe;
};

// --- veth
// -----------------------------------------------------------------------------------------------------------------------

TEST_F(NetworkPlan, AVethIsOnePairWithBothEndsInPlace) {
  use("veth", "bridge", "br0");
  section.host_name = "web0";
  section.hwaddr = parse_hardware_address("02:00:00:00:00:07");
  section.rx_queues = 3;
  plan();
  const Link request(act(0));
  EXPECT_EQ(request.head.nlmsg_type, RTM_NEWLINK);
  EXPECT_EQ(request.head.nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL), NLM_F_CREATE | NLM_F_EXCL);
  EXPECT_EQ(request.text(IFLA_IFNAME), "web0");
  EXPECT_EQ(request.number<std::uint32_t>(IFLA_MTU), 1400U) << "the bridge's";
  EXPECT_EQ(request.number<std::uint32_t>(IFLA_NUM_RX_QUEUES), 3U);
  EXPECT_FALSE(request.has(IFLA_NUM_TX_QUEUES));
  EXPECT_EQ(request.bytes(IFLA_ADDRESS)[0], '\xfe') << "high, so that the bridge does not take it";
  EXPECT_EQ(request.kind(), "veth");
  const auto data = request.data();
  const auto peer = attributes_of(std::string_view(data.at(VETH_INFO_PEER).front()).substr(sizeof(ifinfomsg)));
  EXPECT_STREQ(peer.at(IFLA_IFNAME).front().c_str(), "eth0");
  EXPECT_EQ(peer.at(IFLA_ADDRESS).front(), std::string("\x02\0\0\0\0\x07", 6));
  EXPECT_TRUE(peer.contains(IFLA_NET_NS_FD));
  ASSERT_EQ(act(0).fixups.size(), 2U);
  EXPECT_EQ(act(0).fixups[0].interface, "br0") << "the bridge is its master from the first moment";
  EXPECT_EQ(act(0).fixups[1].kind, Fixup::Kind::kNamespace);
  EXPECT_EQ(act(0).fixups[1].side, Side::kContainer);
  for (const Fixup& fixup : act(0).fixups) EXPECT_LE(fixup.offset + 4, act(0).request.size());
  EXPECT_THAT(doings(), ElementsAre("making the pair web0 - eth0 on br0", "switching IPv6 off on web0", "setting web0 up",
                                    "setting eth0 up"));
  EXPECT_EQ(recipe.host_end, "web0");
}

TEST_F(NetworkPlan, APairGoesByItsHostEnd) {
  section.host_name = "web0";
  plan();
  ASSERT_EQ(recipe.entries[0].undo.size(), 1U);
  const Act& undo = recipe.entries[0].undo[0];
  EXPECT_EQ(Link(undo).head.nlmsg_type, RTM_DELLINK);
  EXPECT_EQ(Link(undo).text(IFLA_IFNAME), "web0");
  EXPECT_EQ(undo.forgiven, ENODEV);
  EXPECT_FALSE(recipe.entries[0].lazily_undone) << "the next start may want a name that somebody chose";
  EXPECT_FALSE(recipe.entries[0].outlives) << "the pair goes with the container's namespace";
}

TEST_F(NetworkPlan, APairWithoutALinkIsOnItsOwnAndHasAFreeName) {
  plan();
  const Link request(act(0));
  EXPECT_THAT(request.text(IFLA_IFNAME), ::testing::MatchesRegex("veth[A-Za-z0-9]{6}"));
  EXPECT_EQ(recipe.host_end, request.text(IFLA_IFNAME));
  EXPECT_FALSE(request.has(IFLA_MASTER));
  EXPECT_FALSE(request.has(IFLA_MTU));
  const std::string first = recipe.host_end;
  plan();
  EXPECT_NE(recipe.host_end, first);
}

TEST_F(NetworkPlan, TheMtuOfTheSectionGoesBeforeThatOfTheBridge) {
  use("veth", "bridge", "br0");
  section.mtu = 1280;
  plan();
  EXPECT_EQ(Link(act(0)).number<std::uint32_t>(IFLA_MTU), 1280U);
}

TEST_F(NetworkPlan, AnInterfaceWithoutFlagsStaysDown) {
  section.up = false;
  plan();
  EXPECT_THAT(doings(), ::testing::Not(::testing::Contains("setting eth0 up")));
}

TEST_F(NetworkPlan, ALinkThatIsNoBridgeIsRefused) {
  use("veth", "bridge", "nic0");
  expect_refusal("nic0 is no bridge", 8, "type macvlan");
  nic->kind = "tun";
  expect_refusal("nic0 is no bridge", 8, "name a bridge");
  section.link = "absent";
  expect_refusal("the host has no bridge absent", 8, "ip link add absent type bridge");
  section.link = "lxcbr0";
  expect_refusal("lxcbr0", 8, "lxc-net start");
}

TEST_F(NetworkPlan, ATakenNameOfThePairIsRefused) {
  section.host_name = "nic0";
  set("veth.pair", 9);
  expect_refusal("an interface nic0 already", 9, "another name");
}

TEST_F(NetworkPlan, ASwitchOfOpenVswitchGetsAPortThatOutlives) {
  host.add("ovs0", "openvswitch");
  host.switches = {"ovs0"};
  use("veth", "bridge", "ovs0");
  section.host_name = "web0";
  section.untagged = VlanMembership::kId;
  section.untagged_id = 7;
  section.tagged = {8, 9};
  plan();
  const Entry& entry = entry_doing("to the switch");
  EXPECT_THAT(entry.act.program,
              IsSupersetOf({"ovs-vsctl", "add-port", "ovs0", "web0", "tag=7", "trunks=8,9", "vlan_mode=native-untagged"}));
  EXPECT_TRUE(entry.outlives);
  ASSERT_EQ(entry.undo.size(), 1U);
  EXPECT_THAT(entry.undo[0].program, IsSupersetOf({"ovs-vsctl", "--if-exists", "del-port", "web0"}));
}

TEST_F(NetworkPlan, VirtualLansOfABridgePort) {
  use("veth", "bridge", "br0");
  section.host_name = "web0";
  section.untagged = VlanMembership::kId;
  section.untagged_id = 7;
  section.tagged = {8};
  set("veth.vlan.id", 10);
  set("veth.vlan.tagged.id", 11);
  expect_refusal("does not look at VLAN tags", 11, "vlan_filtering 1");
  bridge->vlan_filtering = true;
  bridge->default_vlan = 1;
  plan();
  const auto vlan_of = [](const Act& act) {
    const Link request(act);
    EXPECT_EQ(request.body.ifi_family, AF_BRIDGE);
    const auto spec = attributes_of(request.bytes(IFLA_AF_SPEC));
    return test::value_of<bridge_vlan_info>(spec.at(IFLA_BRIDGE_VLAN_INFO).front());
  };
  const Act& leave = entry_doing("out of the virtual LAN 1").act;
  EXPECT_EQ(Link(leave).head.nlmsg_type, RTM_DELLINK);
  EXPECT_EQ(vlan_of(leave).vid, 1);
  const Act& own = entry_doing("into the virtual LAN 7").act;
  EXPECT_EQ(Link(own).head.nlmsg_type, RTM_SETLINK);
  EXPECT_EQ(vlan_of(own).vid, 7);
  EXPECT_EQ(vlan_of(own).flags, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
  EXPECT_EQ(vlan_of(entry_doing("into the virtual LAN 8").act).flags, 0);
  section.untagged = VlanMembership::kNone;
  plan();
  EXPECT_THAT(doings(), ::testing::Not(::testing::Contains(HasSubstr("virtual LAN 7"))));
  EXPECT_NO_THROW(entry_doing("out of the virtual LAN 1"));
}

TEST_F(NetworkPlan, RouterModeLeadsToThePair) {
  section.mode = "router";
  section.host_name = "web0";
  section.addresses = {subnet("10.9.0.5/24"), subnet("fd09::5/64")};
  section.gateway4 = {Gateway::Kind::kAddress, *parse_address("10.9.0.1"), {"config", 9, ""}};
  plan();
  const Decoded<rtmsg> route(entry_doing("adding the route 10.9.0.5/32").act);
  EXPECT_EQ(route.body.rtm_dst_len, 32);
  EXPECT_EQ(route.body.rtm_scope, RT_SCOPE_LINK);
  EXPECT_EQ(route.bytes(RTA_DST), std::string("\x0a\x09\0\x05", 4));
  EXPECT_EQ(Decoded<rtmsg>(entry_doing("adding the route fd09::5/128").act).body.rtm_dst_len, 128);
  const Decoded<ndmsg> proxy(entry_doing("answering for 10.9.0.1").act);
  EXPECT_EQ(proxy.body.ndm_flags, NTF_PROXY);
  EXPECT_EQ(entry_doing("forwarding").act.path, "/proc/sys/net/ipv4/conf/web0/forwarding");
  EXPECT_EQ(entry_doing("proxy_ndp").act.path, "/proc/sys/net/ipv6/conf/web0/proxy_ndp");
  for (const Entry& entry : recipe.entries) EXPECT_FALSE(entry.outlives) << "all of it goes with the pair: " << entry.act.doing;
}

TEST_F(NetworkPlan, RoutesBehindABridgeHaveToBeTakenBack) {
  section.routes = {subnet("10.98.0.0/24", 12)};
  section.host_name = "web0";
  plan();
  EXPECT_THAT(entry_doing("adding the route").undo, IsEmpty()) << "on the pair it goes with it";
  use("veth", "bridge", "br0");
  plan();
  const Entry& entry = entry_doing("adding the route 10.98.0.0/24 dev br0");
  EXPECT_TRUE(entry.outlives);
  ASSERT_EQ(entry.undo.size(), 1U);
  EXPECT_EQ(Decoded<rtmsg>(entry.undo[0]).head.nlmsg_type, RTM_DELROUTE);
  EXPECT_EQ(entry.undo[0].forgiven, ESRCH);
  EXPECT_EQ(entry.act.origin.line, 12U);
}

// --- interfaces on top of others, phys, empty
// -------------------------------------------------------------------------------------

TEST_F(NetworkPlan, MacvlanOnItsLinkInEachMode) {
  const std::pair<const char*, std::uint32_t> modes[] = {{"private", MACVLAN_MODE_PRIVATE},
                                                         {"vepa", MACVLAN_MODE_VEPA},
                                                         {"bridge", MACVLAN_MODE_BRIDGE},
                                                         {"passthru", MACVLAN_MODE_PASSTHRU}};
  for (const auto& [mode, number] : modes) {
    use("macvlan", mode, "nic0");
    plan();
    const Link request(act(0));
    EXPECT_EQ(request.kind(), "macvlan");
    EXPECT_EQ(test::value_of<std::uint32_t>(request.data().at(IFLA_MACVLAN_MODE).front()), number) << mode;
    EXPECT_THAT(request.text(IFLA_IFNAME), StartsWith("new")) << "kernels before 6.14 look for the name on the host too";
    EXPECT_EQ(Link(act(1)).text(IFLA_IFNAME), "eth0");
    EXPECT_EQ(act(1).side, Side::kContainer);
    EXPECT_TRUE(request.has(IFLA_LINK));
    EXPECT_THAT(recipe.entries[0].undo, IsEmpty()) << "the step that opened the namespace clears it";
    EXPECT_EQ(act(0).object, "nic0");
  }
}

TEST_F(NetworkPlan, IpvlanHasTheAddressOfItsLink) {
  const std::tuple<const char*, const char*, std::uint16_t, std::uint16_t> cases[] = {
      {"l2", "bridge", IPVLAN_MODE_L2, 0},
      {"l3", "private", IPVLAN_MODE_L3, IPVLAN_F_PRIVATE},
      {"l3s", "vepa", IPVLAN_MODE_L3S, IPVLAN_F_VEPA}};
  for (const auto& [mode, isolation, number, flags] : cases) {
    use("ipvlan", mode, "nic0");
    section.isolation = isolation;
    plan();
    EXPECT_EQ(test::value_of<std::uint16_t>(Link(act(0)).data().at(IFLA_IPVLAN_MODE).front()), number);
    EXPECT_EQ(test::value_of<std::uint16_t>(Link(act(0)).data().at(IFLA_IPVLAN_FLAGS).front()), flags);
  }
  section.hwaddr = parse_hardware_address("02:00:00:00:00:01");
  set("hwaddr", 9);
  expect_refusal("takes no other", 9, "macvlan");
}

TEST_F(NetworkPlan, VlanHasItsTag) {
  use("vlan", "", "nic0");
  section.vlan_id = 42;
  plan();
  EXPECT_EQ(Link(act(0)).kind(), "vlan");
  EXPECT_EQ(test::value_of<std::uint16_t>(Link(act(0)).data().at(IFLA_VLAN_ID).front()), 42);
}

TEST_F(NetworkPlan, EveryKindThatNeedsALinkSaysSo) {
  for (const NetworkDevice* device : devices()) {
    if (!device->traits().needs_link) continue;
    section.type = std::string(device->traits().type);
    section.link.clear();
    expect_refusal("needs a link", 7, "lxc.net.2.link");
    section.link = "absent";
    set("link", 8);
    expect_refusal("the host has no interface absent", 8, "ip link");
  }
}

TEST_F(NetworkPlan, PhysComesHomeWithAllItHad) {
  use("phys", "", "nic0");
  section.name = "lan0";
  section.hwaddr = parse_hardware_address("02:00:00:00:00:01");
  nic->up = true;
  nic->hardware_address.assign(6, std::byte{0x22});
  nic->other_names = {"enp3s0"};
  host.addresses[nic->index] = {
      {AF_INET, "10.6.0.7", 24, 0}, {AF_INET6, "fe80::1", 64, RT_SCOPE_LINK}, {AF_INET6, "fd06::7", 64, 0}};
  plan();
  const Link in(act(0));
  EXPECT_FALSE(in.has(IFLA_IFNAME)) << "a refused name must not meet it when it has moved";
  EXPECT_EQ(in.number<std::int32_t>(IFLA_NEW_IFINDEX), nic->index);
  EXPECT_TRUE(recipe.entries[0].outlives);
  EXPECT_EQ(Link(act(1)).text(IFLA_IFNAME), "lan0");
  EXPECT_EQ(act(1).side, Side::kContainer);
  const auto& undo = recipe.entries[0].undo;
  std::vector<std::string> ways;
  for (const Act& act : undo) ways.push_back(act.doing);
  EXPECT_THAT(ways, ElementsAre("bringing nic0 back to the host", "restoring the MTU and hardware address of nic0",
                                "restoring the name enp3s0 of nic0", "giving nic0 the address 10.6.0.7/24 again",
                                "giving nic0 the address fd06::7/64 again", "setting nic0 up"));
  EXPECT_EQ(undo[0].kind, Act::Kind::kBringHome);
  EXPECT_EQ(undo[0].home.name, "nic0");
  EXPECT_EQ(undo[0].home.index, nic->index);
  EXPECT_THAT(undo[0].home.alternative_names, ElementsAre("enp3s0"));
  EXPECT_FALSE(undo[0].home.wireless);
  // Of the interface that came home, not of whoever has its name or number by then.
  for (std::size_t i = 1; i < undo.size(); ++i) {
    ASSERT_EQ(undo[i].fixups.size(), 1U) << undo[i].doing;
    EXPECT_EQ(undo[i].fixups[0].interface, "") << undo[i].doing;
    EXPECT_EQ(undo[i].side, Side::kHost);
  }
  EXPECT_EQ(Link(undo[1]).bytes(IFLA_ADDRESS), std::string(6, '\x22'));
  EXPECT_EQ(Link(undo[1]).number<std::uint32_t>(IFLA_MTU), 1500U);
  EXPECT_EQ(Link(undo[2]).head.nlmsg_type, RTM_NEWLINKPROP);
  EXPECT_EQ(Link(undo.back()).body.ifi_flags, unsigned{IFF_UP});
  nic->up = false;
  plan();
  EXPECT_THAT(recipe.entries[0].undo.back().doing, HasSubstr("fd06::7"));
  nic->loopback = true;
  expect_refusal("can't leave the host", 8, "another interface");
}

TEST_F(NetworkPlan, ARadioMovesAsAWhole) {
  use("phys", "", "nic0");
  host.radio = "phy3";
  plan();
  EXPECT_EQ(act(0).program.back(), "phy3");
  EXPECT_TRUE(recipe.entries[0].outlives);
  EXPECT_TRUE(recipe.entries[0].undo.at(0).home.wireless);
  EXPECT_EQ(Link(act(1)).text(IFLA_IFNAME), "eth0");
}

TEST_F(NetworkPlan, EmptyHasNoInterface) {
  section.type = "empty";
  section.name.clear();
  plan();
  EXPECT_THAT(recipe.entries, IsEmpty());
  section.addresses = {subnet("10.0.0.1/8")};
  expect_refusal("no interface that could have addresses", 7, "type veth");
}

TEST_F(NetworkPlan, AnUnknownTypeIsNamed) {
  section.type = "token-ring";
  EXPECT_THAT(plan_network(section, host, recipe).error().line(), HasSubstr("'token-ring'"));
}

// --- addresses and gateways
// -------------------------------------------------------------------------------------------------------

TEST_F(NetworkPlan, AddressesComeBeforeUpAndGatewaysAfter) {
  section.addresses = {subnet("10.0.3.7/24", 9), subnet("fd00::7/64")};
  section.gateway4 = {Gateway::Kind::kAddress, *parse_address("10.0.3.1"), {"config", 10, ""}};
  section.gateway6 = {Gateway::Kind::kDevice, {}, {}};
  section.host_name = "web0";
  plan();
  EXPECT_THAT(doings(), ElementsAre("making the pair web0 - eth0", "setting web0 up", "giving eth0 the address 10.0.3.7/24",
                                    "giving eth0 the address fd00::7/64", "setting eth0 up",
                                    "adding the route default via 10.0.3.1 dev eth0", "adding the route default dev eth0"));
  const Decoded<ifaddrmsg> address(act(2));
  EXPECT_EQ(address.body.ifa_prefixlen, 24);
  EXPECT_EQ(address.bytes(IFA_LOCAL), std::string("\x0a\0\x03\x07", 4));
  EXPECT_EQ(address.bytes(IFA_BROADCAST), std::string("\x0a\0\x03\xff", 4));
  EXPECT_EQ(act(2).side, Side::kContainer);
  EXPECT_EQ(act(2).origin.line, 9U);
  EXPECT_FALSE(Decoded<ifaddrmsg>(act(3)).has(IFA_BROADCAST));
  const Decoded<rtmsg> route(act(5));
  EXPECT_EQ(route.body.rtm_dst_len, 0);
  EXPECT_EQ(route.bytes(RTA_GATEWAY), std::string("\x0a\0\x03\x01", 4));
  EXPECT_EQ(Decoded<rtmsg>(act(6)).body.rtm_family, AF_INET6);
}

TEST_F(NetworkPlan, TheAutomaticGatewayIsAnAddressOfTheLink) {
  use("veth", "bridge", "br0");
  section.addresses = {subnet("10.0.3.7/24"), subnet("fd00::7/64")};
  section.gateway4 = {Gateway::Kind::kAutomatic, {}, {"config", 10, ""}};
  section.gateway6 = {Gateway::Kind::kAutomatic, {}, {"config", 11, ""}};
  plan();
  EXPECT_NO_THROW(entry_doing("default via 10.0.3.1 dev eth0"));
  EXPECT_NO_THROW(entry_doing("default via fe80::9 dev eth0")) << "one of the link serves when there is no other";
  host.addresses[bridge->index].push_back({AF_INET6, "fd00::1", 64, 0});
  plan();
  EXPECT_NO_THROW(entry_doing("default via fd00::1 dev eth0"));
  host.addresses.clear();
  expect_refusal("br0 has no IPv4 address", 10, "ip addr add");
  section.link.clear();
  expect_refusal("there is no link", 10, "lxc.net.2.link");
  use("vlan", "", "nic0");
  expect_refusal("no automatic gateway", 10, "name its address");
}

TEST_F(NetworkPlan, AGatewayNeedsAnInterfaceThatIsUpAndAnAddress) {
  section.gateway6 = {Gateway::Kind::kAddress, *parse_address("fd00::1"), {"config", 11, ""}};
  section.addresses = {subnet("10.0.3.7/24")};
  expect_refusal("of the same family", 11, "lxc.net.2.ipv6.address");
  section.addresses = {subnet("fd00::7/64")};
  section.up = false;
  expect_refusal("to be up", 11, "lxc.net.2.flags = up");
}

TEST_F(NetworkPlan, AGatewayElsewhereIsReachedOnTheLinkWithAWarning) {
  section.addresses = {subnet("10.0.3.7/24")};
  section.gateway4 = {Gateway::Kind::kAddress, *parse_address("192.0.2.1"), {"config", 10, ""}};
  plan();
  EXPECT_NO_THROW(entry_doing("adding the route 192.0.2.1/32 dev eth0"));
  ASSERT_EQ(recipe.warnings.size(), 1U);
  EXPECT_THAT(recipe.warnings[0], HasSubstr("192.0.2.1"));
  EXPECT_THAT(recipe.warnings[0], HasSubstr("config:10"));
  section.addresses = {subnet("10.0.3.7/32")};
  plan();
  EXPECT_THAT(recipe.warnings, IsEmpty()) << "with a host's address it is meant so";
  section.addresses = {subnet("fd00::7/64")};
  section.gateway4 = {};
  section.gateway6 = {Gateway::Kind::kAddress, *parse_address("fe80::1"), {"config", 11, ""}};
  plan();
  EXPECT_THAT(doings(), ::testing::Not(::testing::Contains(HasSubstr("fe80::1/128")))) << "every link has it";
}

// --- l2proxy
// ----------------------------------------------------------------------------------------------------------------------

TEST_F(NetworkPlan, L2ProxyNeedsALinkAndItsSwitches) {
  section.l2proxy = true;
  set("l2proxy", 13);
  section.addresses = {subnet("10.0.3.7/32")};
  expect_refusal("there is no link", 13, "lxc.net.2.link");
  use("veth", "router", "nic0");
  set("l2proxy", 13);
  expect_refusal("l2proxy needs forwarding of nic0", 13, "echo 1 > /proc/sys/net/ipv4/conf/nic0/forwarding");
  section.addresses = {subnet("fd00::7/128")};
  expect_refusal("l2proxy needs proxy_ndp of nic0", 13, "ipv6/conf/nic0/proxy_ndp");
  use("ipvlan", "l3", "nic0");
  expect_refusal("needs the mode l3s", 13, "lxc.net.2.ipvlan.mode = l3s");
}

// --- names
// ------------------------------------------------------------------------------------------------------------------------

class InterfaceNames : public NetworkPlan {
 protected:
  Section& add(const char* type, const char* name = "", const char* link = "") {
    Section made;
    made.index = static_cast<unsigned>(sections.size());
    made.type = type;
    made.name = name;
    made.link = link;
    made.origins["name"] = {"config", 20 + made.index, ""};
    made.origins["link"] = {"config", 40 + made.index, ""};
    return sections.emplace_back(made);
  }
  std::string names() {
    std::string all;
    for (const Section& made : sections) all += made.name + " ";
    return all;
  }
  std::vector<Section> sections;
};

TEST_F(InterfaceNames, TheLowestFreeOnesInOrder) {
  add("veth");
  add("macvlan", "eth0", "nic0");
  add("empty");
  add("veth", "eth2");
  add("veth");
  add("phys", "", "nic0");
  ASSERT_TRUE(assign_names(sections, host));
  EXPECT_EQ(names(), "eth1 eth0  eth2 eth3 nic0 ");
}

TEST_F(InterfaceNames, GivenTwice) {
  add("veth", "lan");
  add("veth", "lan");
  const Status named = assign_names(sections, host);
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().line(), HasSubstr("lxc.net.0 and lxc.net.1 both call their interface lan"));
  EXPECT_EQ(named.error().origin().line, 21U);
  EXPECT_THAT(named.error().hint(), HasSubstr("lxc.net.1.name"));
}

TEST_F(InterfaceNames, ThatTheKernelTakesForSomethingElse) {
  for (const char* name : {"lo", "all", "default", "eth%d"}) {
    sections.clear();
    add("veth", name);
    const Status named = assign_names(sections, host);
    ASSERT_FALSE(named) << name;
    EXPECT_THAT(named.error().line(), HasSubstr(name));
    EXPECT_EQ(named.error().origin().line, 20U);
  }
}

TEST_F(InterfaceNames, OneInterfaceOfTheHostMovesOnce) {
  add("phys", "a", "nic0");
  add("phys", "b", "nic0");
  const Status named = assign_names(sections, host);
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().line(), HasSubstr("both move nic0 in"));
  EXPECT_EQ(named.error().origin().line, 41U);
  sections[1].link = "nic1";
  EXPECT_TRUE(assign_names(sections, host));
}

TEST_F(InterfaceNames, APrefixTakesTheLastOne) {
  host.add("nic1", "");
  host.add("other", "");
  add("phys", "", "nic+");
  ASSERT_TRUE(assign_names(sections, host));
  EXPECT_EQ(sections[0].link, "nic1");
  EXPECT_EQ(sections[0].name, "nic1");
  sections[0].link = "card+";
  const Status named = assign_names(sections, host);
  EXPECT_THAT(named.error().line(), HasSubstr("begins with card"));
  EXPECT_EQ(named.error().origin().line, 40U);
  EXPECT_EQ(named.error().code(), ENODEV);
}

}  // namespace
}  // namespace berth::network
