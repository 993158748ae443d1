#include "network/bridge_service/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "network/bridge_service/resolver.hpp"

namespace berth::network::bridge_service {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kMachine = "0123456789abcdef0123456789abcdef";

CheckedSettings check(const std::string& text, std::string_view machine_id = kMachine) {
  SettingsFileReader reader([&](const std::string&) -> Result<std::string> { return text; });
  reader.read("/f", false);
  return check_settings(reader.take(), machine_id);
}

// The one problem's text; else how many there are.
std::string problem(const std::string& text) {
  const auto checked = check(text);
  return checked.problems.size() == 1 ? describe(checked.problems) : "problems: " + describe(checked.problems);
}

TEST(BridgeSettings, DefaultsAreThoseOfLxc) {
  const auto checked = check("");
  EXPECT_THAT(checked.problems, IsEmpty());
  EXPECT_THAT(checked.warnings, IsEmpty());
  const BridgeSettings& settings = checked.settings;
  EXPECT_TRUE(settings.wanted && settings.use_nft && settings.ping_before_offer);
  EXPECT_EQ(settings.bridge, "lxcbr0");
  EXPECT_EQ(format(settings.hardware_address), "10:66:6a:00:00:00");
  EXPECT_EQ(format(settings.ipv4.address), "10.0.3.1");
  EXPECT_EQ(format(settings.ipv4.network), "10.0.3.0/24");
  EXPECT_EQ(format(settings.ipv4.first), "10.0.3.2");
  EXPECT_EQ(format(settings.ipv4.last), "10.0.3.254");
  EXPECT_EQ(settings.ipv4.most_leases, 253U);
  EXPECT_EQ(settings.leases_file, "/var/lib/misc/dnsmasq.lxcbr0.leases");
  ASSERT_TRUE(settings.ipv6);
  EXPECT_TRUE(settings.ipv6->translated);
  EXPECT_FALSE(settings.ipv6->asked_for);
}

TEST(BridgeSettings, WhatIsNotGivenFollowsWhatIs) {
  auto settings = check("LXC_ADDR=10.9.8.1\n").settings.ipv4;
  EXPECT_EQ(format(settings.network), "10.9.8.0/24");
  EXPECT_EQ(format(settings.first), "10.9.8.2");
  settings = check("LXC_NETWORK=10.9.0.0/16\n").settings.ipv4;
  EXPECT_EQ(format(settings.address), "10.9.0.1");
  EXPECT_EQ(format(settings.last), "10.9.255.254");
  settings = check("LXC_ADDR=10.9.8.9\nLXC_NETMASK=/29\n").settings.ipv4;
  EXPECT_EQ(format(settings.network), "10.9.8.8/29");
  EXPECT_EQ(format(settings.first), "10.9.8.10");
  EXPECT_EQ(settings.most_leases, 5U);
  settings = check("LXC_ADDR=10.9.8.5\nLXC_NETMASK=255.255.255.248\n").settings.ipv4;
  EXPECT_EQ(format(settings.first), "10.9.8.1");
  EXPECT_EQ(settings.most_leases, 5U);  // six hosts, one of them the bridge
}

TEST(BridgeSettings, EveryValueHasItsForm) {
  EXPECT_THAT(problem("LXC_BRIDGE=a:b"), HasSubstr("/f:1: LXC_BRIDGE: 'a:b' is not a name for a bridge"));
  EXPECT_THAT(problem("LXC_BRIDGE='a\"b'"), HasSubstr("LXC_BRIDGE"));
  EXPECT_THAT(problem("LXC_BRIDGE=abcdefghijklmnop"), HasSubstr("1 to 15"));
  EXPECT_THAT(problem("LXC_BRIDGE_MAC=10:66:6a:00:00"), HasSubstr("six pairs"));
  EXPECT_THAT(problem("LXC_BRIDGE_MAC=11:66:6a:00:00:00"), HasSubstr("must be even"));
  EXPECT_THAT(problem("LXC_ADDR=10.0.3"), HasSubstr("is not an IPv4 address"));
  EXPECT_THAT(problem("LXC_ADDR=10.0.3.0"), HasSubstr("network or the broadcast address"));
  EXPECT_THAT(problem("LXC_ADDR=224.0.3.1"), HasSubstr("not the address of a host"));
  EXPECT_THAT(problem("LXC_ADDR=10.0.4.1\nLXC_NETWORK=10.0.3.0/24"),
              HasSubstr("/f:1: LXC_ADDR: '10.0.4.1' is not in the network 10.0.3.0/24"));
  EXPECT_THAT(problem("LXC_NETMASK=255.0.255.0"), HasSubstr("is not a netmask"));
  EXPECT_THAT(problem("LXC_NETMASK=255.255.0.0\nLXC_NETWORK=10.0.3.0/24"),
              HasSubstr("does not fit to LXC_NETWORK: /24 is 255.255.255.0"));
  EXPECT_THAT(problem("LXC_NETWORK=10.0.3.1/24"), HasSubstr("bits behind its prefix: the network is 10.0.3.0/24"));
  EXPECT_THAT(problem("LXC_NETWORK=10.0.3.0/31"), HasSubstr("leaves no room"));
  EXPECT_THAT(problem("LXC_DHCP_RANGE=10.0.3.2-10.0.3.9"), HasSubstr("FIRST,LAST"));
  EXPECT_THAT(problem("LXC_DHCP_RANGE=10.0.3.9,10.0.3.2"), HasSubstr("ends before it begins"));
  EXPECT_THAT(problem("LXC_DHCP_RANGE=10.0.3.2,10.0.4.2"), HasSubstr("10.0.4.2 is not"));
  EXPECT_THAT(problem("LXC_DHCP_RANGE=10.0.3.2,10.0.3.255"), HasSubstr("10.0.3.255 is not"));
  EXPECT_THAT(problem("LXC_DHCP_RANGE=10.0.3.1,10.0.3.1"), HasSubstr("no address but the bridge's own"));
  EXPECT_THAT(problem("LXC_DHCP_RANGE=10.0.3.2,10.0.3.9,soon"), HasSubstr("lease time"));
  EXPECT_THAT(problem("LXC_DHCP_MAX=0"), HasSubstr("number of leases"));
  EXPECT_THAT(problem("LXC_DHCP_CONFILE=dnsmasq.conf"), HasSubstr("whole path"));
  EXPECT_THAT(problem("LXC_DHCP_PING=maybe"), HasSubstr("neither true nor false"));
  EXPECT_THAT(problem("LXC_DOMAIN=a..b"), HasSubstr("domain name"));
  EXPECT_THAT(problem("LXC_DOMAIN=a/b"), HasSubstr("domain name"));
  EXPECT_THAT(problem("LXC_IPV6_ADDR=fd00::x"), HasSubstr("is not an IPv6 address"));
  EXPECT_THAT(problem("LXC_IPV6_ADDR=fe80::1"), HasSubstr("link-local"));
  EXPECT_THAT(problem("LXC_IPV6_ADDR=fd00::1\nLXC_IPV6_NETWORK=fd01::/64"), HasSubstr("is not in the network fd01::/64"));
  EXPECT_THAT(problem("LXC_IPV6_NETWORK=fd01::1/64"), HasSubstr("the network is fd01::/64"));
  EXPECT_THAT(problem("LXC_IPV6_NETWORK=fd01::/80"), HasSubstr("/64 only"));
  EXPECT_THAT(problem("LXC_IPV6_MASK=48"), HasSubstr("/64 only"));
}

TEST(BridgeSettings, AllProblemsAreFoundInOneGo) {
  EXPECT_EQ(check("LXC_ADDR=x\nLXC_NETMASK=x\nLXC_NETWORK=x\nLXC_DHCP_MAX=x\nLXC_IPV6_ADDR=x\nLXC_BRIDGE=/\nUSE_LXC_BRIDGE=x\n")
                .problems.size(),
            7U);
}

TEST(BridgeSettings, UnknownVariablesAreWarnedOf) {
  const auto checked = check("LXC_DHCP_RANG=1\nLXC_AUTO=true\nBOOTGROUPS=,\nFOO=1\n");
  EXPECT_THAT(checked.problems, IsEmpty());
  EXPECT_THAT(checked.warnings, ElementsAre(HasSubstr("/f:1: LXC_DHCP_RANG is no variable of lxc-net")));
  EXPECT_THAT(checked.warnings[0], HasSubstr("Did you mean LXC_DHCP_RANGE?"));
}

TEST(BridgeSettings, Ipv6NetworkIsOfHostAndBridge) {
  const Subnet6 one = own_ipv6_network(kMachine, "lxcbr0");
  EXPECT_EQ(one, own_ipv6_network(kMachine, "lxcbr0"));
  EXPECT_EQ(one.base[0], 0xfd);
  EXPECT_EQ(one.length, 64U);
  EXPECT_EQ(Subnet6::around(one.base, 64), one);
  const Subnet6 other = own_ipv6_network(kMachine, "lxcbr1");
  EXPECT_EQ(Subnet6::around(other.base, 48), Subnet6::around(one.base, 48));
  EXPECT_NE(other, one);
  EXPECT_NE(Subnet6::around(own_ipv6_network("x", "lxcbr0").base, 48), Subnet6::around(one.base, 48));
}

TEST(BridgeSettings, Ipv6IsTranslatedWhereNobodyRoutesIt) {
  EXPECT_FALSE(check("LXC_IPV6_ENABLE=false\nLXC_IPV6_ADDR=fd00::1").settings.ipv6);
  const auto routed = check("LXC_IPV6_ADDR=2001:db8:1::1\nLXC_IPV6_MASK=64").settings.ipv6;
  ASSERT_TRUE(routed);
  EXPECT_FALSE(routed->translated);
  EXPECT_TRUE(routed->asked_for);
  EXPECT_EQ(format(routed->network), "2001:db8:1::/64");
  EXPECT_TRUE(check("LXC_IPV6_ADDR=2001:db8::1\nLXC_IPV6_NAT=true").settings.ipv6->translated);
  EXPECT_FALSE(check("LXC_IPV6_NAT=false").settings.ipv6->translated);
  const auto network = check("LXC_IPV6_NETWORK=fd01:2::/64").settings.ipv6;
  EXPECT_EQ(format(network->address), "fd01:2::1");
}

TEST(BridgeSettings, WithoutAMachineIdIpv6IsForThoseWhoNameIt) {
  EXPECT_FALSE(check("", "").settings.ipv6);
  EXPECT_THAT(check("", "").warnings, ElementsAre(HasSubstr("/etc/machine-id is missing")));
  EXPECT_EQ(check("LXC_IPV6_ENABLE=true", "").problems.size(), 1U);
  EXPECT_TRUE(check("LXC_IPV6_ADDR=fd00::1", "").settings.ipv6);
}

TEST(BridgeResolver, ArgumentsNameTheBridgeAndNothingOfTheHost) {
  const auto settings = check("LXC_DOMAIN=lxc\nLXC_DHCP_RANGE=10.0.3.5,10.0.3.9,12h\nLXC_IPV6_ADDR=fd00:1::1\n").settings;
  const auto arguments = resolver_arguments(settings, {"/run/lxc", "lxcbr0"}, "dnsmasq");
  for (const char* one :
       {"--conf-file=", "--user=dnsmasq", "--pid-file=/run/lxc/net/lxcbr0/dnsmasq.pid", "--bind-interfaces", "--interface=lxcbr0",
        "--except-interface=lo", "--dhcp-range=10.0.3.5,10.0.3.9,255.255.255.0,12h", "--dhcp-lease-max=5",
        "--dhcp-hostsdir=/run/lxc/net/lxcbr0/reservations", "--hostsdir=/run/lxc/net/lxcbr0/names", "--domain=lxc",
        "--local=/lxc/", "--expand-hosts", "--enable-ra", "--dhcp-range=fd00:1::,ra-stateless,ra-names,64"})
    EXPECT_THAT(arguments, Contains(one));
  const auto plain = resolver_arguments(check("LXC_IPV6_ENABLE=no\nLXC_DHCP_PING=no\nLXC_DHCP_CONFILE=/x").settings,
                                        {"/run/lxc", "lxcbr0"}, "nobody");
  EXPECT_THAT(plain, Contains("--conf-file=/x"));
  EXPECT_THAT(plain, Contains("--no-ping"));
  EXPECT_THAT(plain, Not(Contains("--enable-ra")));
  EXPECT_THAT(plain, Not(Contains(HasSubstr("--domain"))));
}

TEST(BridgeResolver, RunsAsTheFirstUserThereIs) {
  EXPECT_EQ(*choose_resolver_user("root:x:0\nnobody:x:1\nlxc-dnsmasq:x:2\n"), "lxc-dnsmasq");
  EXPECT_EQ(*choose_resolver_user("dnsmasq:x:0\nnobody:x:1\n"), "dnsmasq");
  EXPECT_EQ(*choose_resolver_user("root:x:0\nnobody:x:1\nmy-dnsmasq:x\n"), "nobody");
  EXPECT_FALSE(choose_resolver_user("root:x:0\n"));
}

TEST(BridgeResolver, LeasesThatHold) {
  const auto leases = parse_leases(
      "1000 02:00:00:00:00:01 10.0.3.7 web1 *\n500 02:00:00:00:00:02 10.0.3.8 old *\n0 02:00:00:00:00:03 10.0.3.9 * *\n"
      "duid 00:01:00:01\n2000 5 fd00::7 web1 00:01\nnonsense\n1000 x y z\n",
      900);
  EXPECT_THAT(leases, ElementsAre(Lease{1000, "02:00:00:00:00:01", "10.0.3.7", "web1"},
                                  Lease{0, "02:00:00:00:00:03", "10.0.3.9", ""}, Lease{2000, "", "fd00::7", "web1"}));
}

}  // namespace
}  // namespace berth::network::bridge_service
