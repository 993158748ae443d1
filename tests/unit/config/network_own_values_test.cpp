// Published ports, rates and name servers: what is accepted, and the form that is kept.
#include "config/network_own_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parser.hpp"

namespace berth::config {
namespace {

using ::testing::HasSubstr;

TEST(PublishedPorts, AreKeptInOneForm) {
  const auto text = [](std::string_view written) { return parse_published_ports(written).value().text(); };
  EXPECT_EQ(text("8080:80"), "8080:80/tcp");
  EXPECT_EQ(text("53:53/udp"), "53:53/udp");
  EXPECT_EQ(text("10.0.0.1:8080-8082:80-82/tcp"), "10.0.0.1:8080-8082:80-82/tcp");
  EXPECT_EQ(text("[FE80:0::1]:1:2"), "[fe80::1]:1:2/tcp");
  EXPECT_EQ(text("[::]:1-65535:1-65535"), "[::]:1-65535:1-65535/tcp");
  const auto parsed = parse_published_ports("8080-8089:80-89/udp").value();
  EXPECT_EQ(parsed.host_first, 8080);
  EXPECT_EQ(parsed.container_first, 80);
  EXPECT_EQ(parsed.count, 10);
  EXPECT_TRUE(parsed.udp);
}

TEST(PublishedPorts, NeedTwoRangesOfOneLength) {
  for (const std::string_view text : {"",
                                      "8080",
                                      ":80",
                                      "8080:",
                                      "0:80",
                                      "80:0",
                                      "65536:80",
                                      "80-79:80-79",
                                      "80-81:80",
                                      "80:80-81",
                                      "80:80/sctp",
                                      "80:80/",
                                      "80:80/tcp/udp",
                                      "localhost:80:80",
                                      "10.0.0:80:80",
                                      "::1:80:80",
                                      "[::1:80:80",
                                      "[::1]80:80",
                                      "[10.0.0.1]:80:80",
                                      "[]:80:80",
                                      "a:80",
                                      "80:b",
                                      "-80:80",
                                      "80-:80-",
                                      "80 :80",
                                      "1:2:3:4",
                                      "[::1]:80"}) {
    EXPECT_FALSE(parse_published_ports(text)) << text;
  }
}

TEST(Rate, IsReadAsTcWritesIt) {
  EXPECT_EQ(parse_rate("10Mbit"), 10'000'000U);
  EXPECT_EQ(parse_rate("1.5Gbit"), 1'500'000'000U);
  EXPECT_EQ(parse_rate("500kbit"), 500'000U);
  EXPECT_EQ(parse_rate("800K"), 800'000U);
  EXPECT_EQ(parse_rate("64Ki"), 65'536U);
  EXPECT_EQ(parse_rate("1MIBIT"), 1'048'576U);
  EXPECT_EQ(parse_rate("1000"), 1000U);
  EXPECT_EQ(parse_rate("1T"), kFastestRate);
  for (const std::string_view text : {"", "0", "999", "2T", "10Mbps", "10 Mbit", "-1M", "1.M", ".5M", "1.2.3M", "1.1234567M", "M",
                                      "99999999999999999999", "1e6", "10Mbit/s", "18446744073709551615T"}) {
    EXPECT_FALSE(parse_rate(text)) << text;
  }
}

TEST(Rate, IsWrittenWithTheLargestUnit) {
  EXPECT_EQ(format_rate(10'000'000), "10Mbit");
  EXPECT_EQ(format_rate(1'500'000'000), "1500Mbit");
  EXPECT_EQ(format_rate(65'536), "65536bit");
  EXPECT_EQ(format_rate(kFastestRate), "1Tbit");
  for (const std::string_view text : {"1kbit", "1.5Gbit", "65537", "1T"}) {
    EXPECT_EQ(parse_rate(format_rate(parse_rate(text).value())), parse_rate(text)) << text;
  }
}

TEST(NameServers, AreAddressesOrAuto) {
  EXPECT_EQ(parse_name_servers("auto").value().text(), "auto");
  EXPECT_EQ(parse_name_servers(" 10.0.3.1  FE80:0::1 ").value().text(), "10.0.3.1 fe80::1");
  for (const std::string_view text : {"", "auto 10.0.3.1", "localhost", "1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4", "10.0.3.1/24"}) {
    EXPECT_FALSE(parse_name_servers(text)) << text;
  }
}

Conf loaded(std::string_view text) {
  Conf conf;
  const auto status = load_text(conf, text, "/c/config");
  EXPECT_TRUE(status) << status.error().render("test", "");
  return conf;
}

TEST(OwnNetworkKeys, StandBesideThoseOfLxc) {
  const Conf conf = loaded(
      "lxc.net.0.type = veth\nlxc.net.0.ipv4.address = auto\nlxc.net.0.ipv4.address = 10.0.0.3\nlxc.net.0.ipv6.address = auto\n"
      "lxc.net.0.publish = 80:80\nlxc.net.0.publish = 127.0.0.1:81:81/udp\nlxc.net.0.limit.egress = 1.5g\nlxc.net.0.dns = "
      "10.0.3.1\n");
  EXPECT_EQ(get_item(conf, "lxc.net.0.ipv4.address").value(), "auto\n10.0.0.3/8");
  EXPECT_EQ(get_item(conf, "lxc.net.0.ipv6.address").value(), "auto");
  EXPECT_EQ(get_item(conf, "lxc.net.0.publish").value(), "80:80/tcp\n127.0.0.1:81:81/udp");
  EXPECT_EQ(get_item(conf, "lxc.net.0.limit.egress").value(), "1500Mbit");
  EXPECT_EQ(get_item(conf, "lxc.net.0.limit.ingress").value(), "");
  EXPECT_EQ(get_item(conf, "lxc.net.0.dns").value(), "10.0.3.1");
}

TEST(OwnNetworkKeys, OfPairsAreRefusedElsewhere) {
  Conf conf;
  const auto status = load_text(conf, "lxc.net.0.type = macvlan\nlxc.net.0.publish = 80:80\n", "/c/config");
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().line(), HasSubstr("lxc.net.0.publish is for networks of type veth, and lxc.net.0 is macvlan"));
  Conf macvlan = loaded("lxc.net.0.type = macvlan\nlxc.net.0.dns = auto\n");
  EXPECT_FALSE(get_item(macvlan, "lxc.net.0.limit.egress"));
}

TEST(OwnNetworkKeys, GoWhenTheTypeChanges) {
  Conf conf = loaded("lxc.net.0.type = veth\nlxc.net.0.publish = 80:80\nlxc.net.0.type = macvlan\nlxc.net.0.type = veth\n");
  EXPECT_EQ(get_item(conf, "lxc.net.0.publish").value(), "");
}

}  // namespace
}  // namespace berth::config
