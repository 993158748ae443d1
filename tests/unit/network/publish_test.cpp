// Published ports as data: the registry, conflicts, the rules; and what dnsmasq is told.
#include "network/publish.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/strings.hpp"
#include "network/names.hpp"
#include "network/publish_live.hpp"

namespace berth::network {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Publication publication(std::string_view text) { return parse_publication(text).value(); }
Published published(std::string_view text, const std::string& container = "/c/web1") {
  return {publication(text), {100, 2000}, 0, container};
}

TEST(Publication, IsOneWord) {
  for (const std::string_view text :
       {"tcp,*,8080,1,10.0.3.17,80", "udp,fd00::1,1,65535,fd00::17,1", "tcp,127.0.0.1,53,3,10.0.3.2,53"}) {
    EXPECT_EQ(format_publication(publication(text)), text);
  }
  for (const std::string_view text :
       {"", "tcp", "tcp,*,8080,1,10.0.3.17", "sctp,*,1,1,10.0.3.17,80", "tcp,*,0,1,10.0.3.17,80", "tcp,*,65535,2,10.0.3.17,80",
        "tcp,*,1,0,10.0.3.17,80", "tcp,*,1,2,10.0.3.17,65535", "tcp,fd00::1,1,1,10.0.3.17,80", "tcp,10.0.0.1,1,1,fd00::2,80",
        "tcp,*,1,1,web,80", "tcp,*,1,1,FD00::2,80", "tcp,*,1,1,10.0.3.17,80,"}) {
    EXPECT_FALSE(parse_publication(text)) << text;
  }
}

TEST(Publication, IsShownAsPeopleWriteIt) {
  EXPECT_EQ(describe_host_side(publication("tcp,*,8080,1,10.0.3.17,80")), "8080/tcp");
  EXPECT_EQ(describe_host_side(publication("udp,fd00::1,8080,3,fd00::2,80")), "[fd00::1]:8080-8082/udp");
}

TEST(Registry, IsReadAsItIsWritten) {
  const std::vector<Published> entries = {published("tcp,*,8080,1,10.0.3.17,80", "/var/lib/lxc/web 1"),
                                          published("udp,*,1,9,fd00::2,1"),
                                          {publication("tcp,*,9,1,10.0.3.17,80"), {1, 2}, 3, "/c/web 1", "aB3dEf"}};
  EXPECT_EQ(parse_registry(format_registry(entries), "f").value(), entries);
  for (const std::string_view text :
       {"tcp,*,8080,1,10.0.3.17,80 100 2000 0", "tcp,*,8080,1,10.0.3.17,80 100 2000 0 web1", "x 100 2000 0 /c",
        "tcp,*,8080,1,10.0.3.17,80 0 2000 0 /c", "tcp,*,8080,1,10.0.3.17,80 100 a 0 /c"}) {
    const auto refused = parse_registry(text, "/f");
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().line(), HasSubstr("/f: line 1 is no publication"));
  }
}

TEST(Registry, FindsWhoHasAPort) {
  const std::vector<Published> entries = {published("tcp,*,8080,10,10.0.3.17,80"), published("tcp,10.0.0.1,443,1,10.0.3.17,443")};
  for (const std::string_view taken :
       {"tcp,*,8080,1,10.0.3.18,1", "tcp,*,8089,1,10.0.3.18,1", "tcp,10.0.0.9,8085,1,10.0.3.18,1", "tcp,*,8000,81,10.0.3.18,1",
        "tcp,*,443,1,10.0.3.18,1", "tcp,10.0.0.1,443,1,10.0.3.18,1"}) {
    EXPECT_NE(find_conflict(entries, publication(taken)), nullptr) << taken;
  }
  for (const std::string_view free : {"udp,*,8080,1,10.0.3.18,1", "tcp,*,8090,1,10.0.3.18,1", "tcp,*,8079,1,10.0.3.18,1",
                                      "tcp,*,8080,1,fd00::2,1", "tcp,10.0.0.2,443,1,10.0.3.18,1"}) {
    EXPECT_EQ(find_conflict(entries, publication(free)), nullptr) << free;
  }
}

TEST(Registry, IsOfABridgeInANamespace) {
  EXPECT_EQ(bridge_of_registry("br0@40265", 40265), "br0");
  EXPECT_EQ(bridge_of_registry("a@b@40265", 40265), "a@b");
  for (const std::string_view other : {"br0@140265", "br0@402", "@40265", ".lock", "br0@40265.new", ""})
    EXPECT_FALSE(bridge_of_registry(other, 40265)) << other;
}

TEST(Rules, AreOfThePublicationsAlone) {
  const std::string text =
      ruleset("lxcbr0", {published("tcp,*,8080,2,10.0.3.17,80"), published("udp,10.0.0.1,53,1,10.0.3.17,53")});
  EXPECT_THAT(text, HasSubstr("add element inet berth_lxcbr0 published_tcp4 { 8080 : 10.0.3.17 . 80, 8081 : 10.0.3.17 . 81 }\n"));
  EXPECT_THAT(text, HasSubstr("add element inet berth_lxcbr0 published_udp4_at { 10.0.0.1 . 53 : 10.0.3.17 . 53 }\n"));
  EXPECT_THAT(text, HasSubstr("publish_guard iifname \"lxcbr0\" ip daddr 127.0.0.0/8 drop"));
  EXPECT_THAT(text, HasSubstr("dnat ip to tcp dport map @published_tcp4\n"));
  EXPECT_THAT(text, Not(HasSubstr("dnat ip6")));
  EXPECT_THAT(text, Not(HasSubstr("delete")));
}

TEST(Rules, LeaveTheLoopbackOfVersion6Alone) {
  const std::string text = ruleset("lxcbr0", {published("tcp,*,8080,1,fd00::17,80")});
  EXPECT_THAT(text,
              HasSubstr("publish_output ip6 daddr != ::1 fib daddr type local dnat ip6 to tcp dport map @published_tcp6\n"));
}

TEST(Rules, GoWithTheLastPublication) {
  const std::string text = ruleset("lxcbr0", {});
  for (const auto* what : {"chain inet berth_lxcbr0 publish_guard", "chain inet berth_lxcbr0 publish_output",
                           "map inet berth_lxcbr0 published_udp6_at"}) {
    EXPECT_THAT(text, HasSubstr(strings::cat("delete ", what)));
  }
  EXPECT_THAT(text, Not(HasSubstr("delete table")));
  EXPECT_TRUE(is_empty_table("table inet berth_lxcbr0 {\n}\n"));
  EXPECT_FALSE(is_empty_table("table inet berth_lxcbr0 {\n\tchain x {\n\t}\n}\n"));
  EXPECT_FALSE(is_empty_table(""));
}

TEST(Rules, TakeBridgesOfAnyName) {
  EXPECT_EQ(table_of("br-lan.1"), "berth_br-lan.1");
  EXPECT_EQ(table_of("rb_1"), "berth_rb_1");
  EXPECT_THAT(table_of("br;x{"), ::testing::MatchesRegex("berth_br_x_\\.[0-9a-f]{8}"));
  EXPECT_NE(table_of("rb+1"), table_of("rb_1"));
  EXPECT_NE(table_of("rb+1"), table_of("rb;1"));
}

TEST(Holder, IsAProcessOnce) {
  const Holder own = holder_of(::getpid()).value();
  EXPECT_EQ(own.pid, ::getpid());
  EXPECT_GT(own.began, 0U);
  EXPECT_EQ(own, holder_of(::getpid()).value());
  EXPECT_FALSE(holder_of(1 << 22));
}

TEST(Names, AreThoseOfHosts) {
  EXPECT_EQ(names_text({"br0", "/c/web1", 0, {"10.0.3.17", "fd00::17"}}), "10.0.3.17 web1\nfd00::17 web1\n");
  for (const auto* name : {"/c/a b", "/c/-x", "/c/a..b", "/c/a\nb", "/c/"})
    EXPECT_EQ(names_text({"br0", name, 0, {"10.0.3.17"}}), "") << name;
}

TEST(Names, OfOneContainerHaveOneFileAnywhere) {
  const Announcement first{"br0", "/c/web1", 0, {"10.0.3.17"}};
  EXPECT_THAT(announcement_file(first), ::testing::StartsWith("web1-0@"));
  EXPECT_NE(announcement_file(first), announcement_file({"br0", "/d/web1", 0, {}}));
  EXPECT_NE(announcement_file(first), announcement_file({"br0", "/c/web1", 1, {}}));
  EXPECT_EQ(announcement_file(first), announcement_file({"br1", "/c/web1", 0, {}}));
}

TEST(Reservations, AreForNobodyElse) {
  const std::string text = reservations_text({"br0", "/c/web1", 0, {"10.0.3.17", "fd00::17"}});
  EXPECT_THAT(text, ::testing::MatchesRegex("id:berth-0-[0-9a-f]+,10.0.3.17\n"));
}

}  // namespace
}  // namespace berth::network
