// What lxc-net makes of the host: rules, routes, sockets, and what it writes down of its changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "network/bridge_service/clashes.hpp"
#include "network/bridge_service/foreign_rules.hpp"
#include "network/bridge_service/journal.hpp"
#include "network/bridge_service/packet_filter.hpp"

namespace berth::network::bridge_service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

BridgeSettings settings_of(const std::string& text = "LXC_IPV6_ADDR=fd00:1::1\n") {
  SettingsFileReader reader([&](const std::string&) -> Result<std::string> { return text; });
  reader.read("/f", false);
  return check_settings(reader.take(), "x").settings;
}

constexpr std::string_view kOurs =
    "table inet berth_lxcbr0 {\n\tchain translation {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
    "\t\toifname != \"lxcbr0\" ip saddr 10.0.3.0/24 counter packets 0 bytes 0 masquerade\n\t}\n}\n";

std::string published(std::string_view elements) {
  return "table inet berth_lxcbr0 {\n\tmap published_tcp {\n\t\ttype inet_service : ipv4_addr . inet_service\n" +
         std::string(elements) +
         "\t}\n\n\tchain publish_in {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
         "\t\tdnat ip to tcp dport map @published_tcp\n\t}\n\n\tchain translation {\n"
         "\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t\tip saddr 10.0.3.0/24 masquerade\n\t}\n}\n";
}

TEST(BridgePacketFilter, OneTransactionThatFlushesNothingButItsOwnChain) {
  const std::string script = nft_start_script(settings_of());
  EXPECT_THAT(script, HasSubstr("add table inet berth_lxcbr0\n"));
  EXPECT_THAT(script, HasSubstr("flush chain inet berth_lxcbr0 translation\n"));
  EXPECT_THAT(script, Not(HasSubstr("flush table")));
  EXPECT_THAT(script, HasSubstr("oifname != \"lxcbr0\" ip saddr 10.0.3.0/24 counter masquerade\n"));
  EXPECT_THAT(script, HasSubstr("ip6 saddr fd00:1::/64 counter masquerade\n"));
  EXPECT_THAT(nft_start_script(settings_of("LXC_IPV6_ADDR=2001:db8::1")), Not(HasSubstr("ip6")));
}

TEST(BridgePacketFilter, AStopLeavesPublishedPorts) {
  EXPECT_EQ(nft_stop_script("lxcbr0", ""), "");
  EXPECT_EQ(nft_stop_script("lxcbr0", kOurs), "delete table inet berth_lxcbr0\n");
  EXPECT_EQ(nft_stop_script("lxcbr0", published("")), "delete table inet berth_lxcbr0\n");
  EXPECT_EQ(nft_stop_script("lxcbr0", published("\t\telements = { 8080 : 10.0.3.7 . 80 }\n")),
            "flush chain inet berth_lxcbr0 translation\ndelete chain inet berth_lxcbr0 translation\n");
  // Chains alone, without maps.
  constexpr std::string_view kChainOnly =
      "table inet berth_lxcbr0 {\n\tchain publish_web1 {\n\t\ttcp dport 80 dnat ip to 10.0.3.7\n\t}\n}\n";
  EXPECT_TRUE(holds_published_ports(kChainOnly));
  EXPECT_EQ(nft_stop_script("lxcbr0", kChainOnly), "");
  EXPECT_FALSE(holds_translation(kChainOnly));
  EXPECT_TRUE(holds_translation(kOurs));
  EXPECT_FALSE(
      holds_translation("table inet x {\n\tchain translation {\n\t\ttype nat hook postrouting priority srcnat;\n\t}\n}\n"));
}

TEST(BridgePacketFilter, IptablesHasChainsOfItsOwn) {
  const std::string script = iptables_start_script(settings_of(), 4);
  EXPECT_THAT(script, HasSubstr("-I FORWARD -i lxcbr0 -j berth-fw-lxcbr0\n-I FORWARD -o lxcbr0 -j berth-fw-lxcbr0\n"));
  EXPECT_THAT(script, HasSubstr("-A POSTROUTING ! -o lxcbr0 -j berth-nat-lxcbr0\n"));
  EXPECT_THAT(script, HasSubstr("-A berth-nat-lxcbr0 -s 10.0.3.0/24 -j MASQUERADE\n"));
  EXPECT_THAT(iptables_start_script(settings_of(), 6), HasSubstr("-s fd00:1::/64 -j MASQUERADE"));
  EXPECT_THAT(iptables_start_script(settings_of("LXC_IPV6_ADDR=2001:db8::1"), 6), Not(HasSubstr("*nat")));
  for (const IptablesRule& rule : iptables_rules(settings_of("LXC_BRIDGE=abcdefghijklmno"))) EXPECT_LE(rule.target.size(), 28U);
}

TEST(BridgeForeignRules, PoliciesThatDropAreNamedWithTheWayOut) {
  const std::string_view plain =
      "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n\n"
      "\tchain fwd {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n";
  const auto warnings = warn_of_foreign_rules(plain, "lxcbr0");
  ASSERT_THAT(warnings, SizeIs(2));
  EXPECT_THAT(warnings[0], HasSubstr("nft insert rule inet filter input iifname lxcbr0 accept"));
  EXPECT_THAT(warnings[1],
              HasSubstr("nft insert rule inet filter fwd iifname lxcbr0 accept && nft insert rule inet filter fwd oifname"));
  const auto docker = warn_of_foreign_rules(
      "table ip filter {\n\tchain DOCKER-USER {\n\t}\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy "
      "drop;\n\t}\n}\n",
      "lxcbr0");
  ASSERT_THAT(docker, SizeIs(1));
  EXPECT_THAT(docker[0], HasSubstr("iptables -I DOCKER-USER -i lxcbr0 -j ACCEPT"));
  const auto ufw = warn_of_foreign_rules(
      "table ip filter {\n\tchain ufw-before-input {\n\t}\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy "
      "drop;\n\t}\n}\n",
      "br1");
  ASSERT_THAT(ufw, SizeIs(1));
  EXPECT_THAT(ufw[0], HasSubstr("ufw allow in on br1"));
  EXPECT_THAT(warn_of_foreign_rules("table inet firewalld {\n\tchain x {\n\t}\n}\n", "br1"),
              ElementsAre(HasSubstr("firewall-cmd --permanent --zone=trusted --add-interface=br1")));
}

TEST(BridgeForeignRules, WhatLetsTheBridgeThroughIsLeftAlone) {
  EXPECT_THAT(
      warn_of_foreign_rules("table inet filter {\n\tchain f {\n\t\ttype filter hook forward priority filter; policy drop;\n"
                            "\t\tiifname \"lxcbr0\" accept\n\t}\n}\n",
                            "lxcbr0"),
      IsEmpty());
  EXPECT_THAT(warn_of_foreign_rules(kOurs, "lxcbr1"), IsEmpty());
  EXPECT_THAT(warn_of_foreign_rules(
                  "table inet f {\n\tchain o {\n\t\ttype filter hook output priority filter; policy drop;\n\t}\n}\n", "b"),
              IsEmpty());
  EXPECT_THAT(warn_of_foreign_rules("", "lxcbr0"), IsEmpty());
  EXPECT_THAT(warn_of_legacy_rules("-P INPUT ACCEPT\n-P FORWARD DROP\n", "lxcbr0"),
              ElementsAre(HasSubstr("iptables -I FORWARD -i lxcbr0")));
  EXPECT_THAT(warn_of_legacy_rules("-P FORWARD DROP\n-A FORWARD -i lxcbr0 -j ACCEPT\n", "lxcbr0"), IsEmpty());
}

TEST(BridgeRoutes, TablesOfTheKernel) {
  const auto four = parse_routes4(
      "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
      "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
      "eth0\t0003000A\t00000000\t0001\t0\t0\t0\t80FFFFFF\t0\t0\t0\nshort line\n");
  ASSERT_THAT(four, SizeIs(2));
  EXPECT_EQ(four[1], (Route4{{{10, 0, 3, 0}, 25}, "eth0"}));
  const auto six = parse_routes6(
      "fd000001000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 1 0 1 "
      "eth0\n"
      "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 1 0 1 "
      "eth0\n"
      "00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 2 0 1 "
      "lo\n");
  ASSERT_THAT(six, SizeIs(1));
  EXPECT_EQ(format(six[0].network), "fd00:1::/64");
}

TEST(BridgeRoutes, AWiderOneLosesANarrowerOneIsAClash) {
  std::vector<std::string> warnings;
  const auto settings = settings_of();
  const std::vector<Route4> wide = {{{{0, 0, 0, 0}, 0}, "eth0"}, {{{10, 0, 0, 0}, 8}, "vpn"}, {{{10, 0, 3, 0}, 24}, "lxcbr0"}};
  EXPECT_TRUE(judge_routes4(settings, wide, warnings));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("behind vpn (it leads to 10.0.0.0/8)")));
  const auto clash = judge_routes4(settings, {{{{10, 0, 3, 7}, 32}, "wg0"}}, warnings);
  ASSERT_FALSE(clash);
  EXPECT_THAT(clash.error().because(), HasSubstr("10.0.3.7/32 over wg0"));
  EXPECT_THAT(clash.error().hint(), HasSubstr("LXC_NETWORK=10.0.4.0/24"));
  EXPECT_FALSE(judge_routes6(settings, {{Subnet6::around(settings.ipv6->address, 64), "eth0"}}, warnings));
}

os::Listener listener(int family, int protocol, std::uint16_t port, std::vector<std::uint8_t> address, int interface = 0) {
  return {family, protocol, port, std::move(address), interface, 1};
}

TEST(BridgePorts, WhoIsInTheWay) {
  const auto settings = settings_of();
  constexpr int kBridge = 5;
  const auto blocks = [&](const os::Listener& other, Suspicion suspicion = Suspicion::kCertain) {
    return stands_in_the_way(other, settings, kBridge, suspicion);
  };
  EXPECT_TRUE(blocks(listener(AF_INET, IPPROTO_TCP, 53, {0, 0, 0, 0})));
  EXPECT_TRUE(blocks(listener(AF_INET6, IPPROTO_UDP, 53, std::vector<std::uint8_t>(16))));
  EXPECT_TRUE(blocks(listener(AF_INET, IPPROTO_UDP, 53, {10, 0, 3, 1})));
  EXPECT_FALSE(blocks(listener(AF_INET, IPPROTO_UDP, 53, {127, 0, 0, 53})));
  EXPECT_FALSE(blocks(listener(AF_INET, IPPROTO_UDP, 53, {0, 0, 0, 0}, 2)));
  EXPECT_FALSE(blocks(listener(AF_INET, IPPROTO_UDP, 80, {0, 0, 0, 0})));
  EXPECT_TRUE(blocks(listener(AF_INET, IPPROTO_UDP, 67, {0, 0, 0, 0}, kBridge)));
  EXPECT_FALSE(blocks(listener(AF_INET, IPPROTO_UDP, 67, {0, 0, 0, 0})));
  EXPECT_TRUE(blocks(listener(AF_INET, IPPROTO_UDP, 67, {0, 0, 0, 0}), Suspicion::kAny));
  EXPECT_FALSE(blocks(listener(AF_INET, IPPROTO_UDP, 67, {0, 0, 0, 0}, 2), Suspicion::kAny));
}

TEST(BridgeJournal, ComesBackAsItWasWritten) {
  using Kind = Change::Kind;
  Journal journal;
  journal.host_life = "boot net:[1]";
  journal.complete = true;
  journal.changes = {{Kind::kBridge, "br-0", {}, {}},     {Kind::kAddress, "10.0.3.1/24", {}, {}},
                     {Kind::kRaised, {}, {}, {}},         {Kind::kSetting, "net/ipv4/ip_forward", "0", "1"},
                     {Kind::kFilter, "nft", {}, {}},      {Kind::kResolver, {}, {}, {}},
                     {Kind::kFlagFile, "/run/up", {}, {}}};
  const auto read = parse_journal(to_text(journal));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, journal);
  EXPECT_FALSE(parse_journal("bridge\n"));
  EXPECT_FALSE(parse_journal("setting a b\n"));
  EXPECT_FALSE(parse_journal("who knows\n"));
}

}  // namespace
}  // namespace berth::network::bridge_service
