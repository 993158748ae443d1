// berth's own keys of networks, planned against a host that the test describes.
#include "network/own.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/strings.hpp"
#include "network/automatic.hpp"
#include "network/shaping.hpp"

namespace berth::network {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FakeHost final : public Host {
 public:
  Result<std::optional<os::LinkDetails>> find(const std::string& name) const override {
    if (name != "br0") return std::optional<os::LinkDetails>();
    os::LinkDetails link;
    link.index = 7;
    link.name = name;
    link.kind = "bridge";
    link.mtu = 9000;
    return std::optional(link);
  }
  Result<std::vector<os::LinkAddress>> addresses_of(int) const override { return addresses; }
  Result<std::vector<std::string>> names() const override { return std::vector<std::string>{"br0"}; }
  Result<std::vector<os::Link>> ports_of(int) const override { return ports; }
  Result<std::vector<std::string>> neighbours_of(int) const override { return neighbours; }
  Result<std::string> radio_of(const std::string&) const override { return std::string(); }
  Result<bool> is_open_vswitch(const std::string&) const override { return false; }

  std::vector<os::Link> ports;
  std::vector<std::string> neighbours;
  std::vector<os::LinkAddress> addresses = {
      {AF_INET6, "fe80::1", 64, RT_SCOPE_LINK}, {AF_INET, "10.0.3.1", 24, 0}, {AF_INET6, "fd00::1", 64, 0}};
};

const Origin kLine{"/c/config", 5, "lxc.net.0.x = y"};

Section bridged() {
  Section section;
  section.type = "veth";
  section.mode = "bridge";
  section.link = "br0";
  section.name = "eth0";
  return section;
}

Section with_addresses(std::initializer_list<std::string_view> addresses) {
  Section section = bridged();
  for (const std::string_view text : addresses) section.addresses.push_back(parse_subnet(text).value());
  return section;
}

PublishedPorts ports(const std::string& host, std::uint16_t first) { return {host, first, 80, 1, false, kLine}; }

Recipe planned(const Section& section) {
  Recipe recipe;
  recipe.host_end = "vethAb12Cd";
  const auto done = plan_own(section, FakeHost{}, {"/c/web1", "/usr/libexec/berth-network"}, recipe);
  EXPECT_TRUE(done) << done.error().line();
  return recipe;
}

std::string refusal(const Section& section) {
  Recipe recipe;
  const auto done = plan_own(section, FakeHost{}, {"/c/web1", "/usr/libexec/berth-network"}, recipe);
  return done ? "nothing is refused" : done.error().render("t", "c");
}

// --- published ports -------------------------------------------------------------------------------------------------------

TEST(Publishing, MeansEachVersionThatTheContainerHas) {
  Section section = with_addresses({"10.0.3.9/24", "10.0.3.10/24", "fd00::9/64"});
  section.published = {ports("", 8080), ports("0.0.0.0", 81), ports("fd00::1", 82)};
  std::vector<std::string> words;
  const auto publications = publications_of(section).value();
  for (const Publication& one : publications) words.push_back(format_publication(one));
  EXPECT_THAT(words, ElementsAre("tcp,*,8080,1,10.0.3.9,80", "tcp,*,8080,1,fd00::9,80", "tcp,*,81,1,10.0.3.9,80",
                                 "tcp,fd00::1,82,1,fd00::9,80"));
}

TEST(Publishing, IsOneProgramThatIsTakenBackByOne) {
  Section section = with_addresses({"10.0.3.9/24"});
  section.gateway4.kind = Gateway::Kind::kAutomatic;
  section.published = {ports("", 8080)};
  const Recipe recipe = planned(section);
  const Entry& entry = recipe.entries[recipe.entries.size() - 2];  // the last one notes the addresses
  ASSERT_THAT(entry.act.program, SizeIs(7));
  const std::string run = entry.act.program[5];
  EXPECT_EQ(run.size(), 6U);
  EXPECT_THAT(entry.act.program,
              ElementsAre("/usr/libexec/berth-network", "publish", "br0", "/c/web1", "0", run, "tcp,*,8080,1,10.0.3.9,80"));
  ASSERT_THAT(entry.undo, SizeIs(1));
  EXPECT_THAT(entry.undo[0].program, ElementsAre("/usr/libexec/berth-network", "unpublish", "br0", "/c/web1", "0", run));
  EXPECT_TRUE(entry.outlives);
  EXPECT_THAT(recipe.warnings, IsEmpty());
}

TEST(Publishing, WarnsWhereAnswersHaveNoWay) {
  Section section = with_addresses({"10.0.3.9/24"});
  section.published = {ports("", 8080)};
  EXPECT_THAT(planned(section).warnings, ElementsAre(HasSubstr("no gateway")));
  section.published = {ports("127.0.0.1", 8080)};
  EXPECT_THAT(planned(section).warnings, IsEmpty());
}

TEST(Publishing, RefusesWhatCannotWork) {
  Section section = bridged();
  section.published = {ports("", 8080)};
  EXPECT_THAT(refusal(section), HasSubstr("lxc.net.0.ipv4.address = auto"));
  section = with_addresses({"10.0.3.9/24"});
  section.published = {ports("fd00::1", 8080)};
  EXPECT_THAT(refusal(section), HasSubstr("lxc.net.0.ipv6.address = auto"));
  section.published = {ports("::1", 8080)};
  EXPECT_THAT(refusal(section), HasSubstr("a port of ::1 can't be published"));
  section.published = {ports("", 8080)};
  section.mode = "router";
  EXPECT_THAT(refusal(section), HasSubstr("by way of a bridge"));
  EXPECT_THAT(refusal(section), HasSubstr("/c/config:5"));
}

// --- limits ----------------------------------------------------------------------------------------------------------------

// The payload of an attribute, searched for as tc(8) would: below TCA_OPTIONS.
template <typename T>
T structure_in(const Act& act, std::uint16_t type, std::size_t from) {
  T value{};
  for (std::size_t at = from; at + sizeof(rtattr) <= act.request.size();) {
    rtattr head;
    std::memcpy(&head, act.request.data() + at, sizeof head);
    if (head.rta_len < sizeof head) break;
    const std::uint16_t kind = head.rta_type & ~NLA_F_NESTED;
    if (kind == type && head.rta_len >= sizeof head + sizeof value) {
      std::memcpy(&value, act.request.data() + at + sizeof head, sizeof value);
      return value;
    }
    at += kind == TCA_OPTIONS ? sizeof head : RTA_ALIGN(head.rta_len);
  }
  ADD_FAILURE() << "no attribute " << type;
  return value;
}
constexpr std::size_t kAttributes = NLMSG_HDRLEN + sizeof(tcmsg);

TEST(Limits, ToTheContainerAreABucketOnTheHostsEnd) {
  Section section = bridged();
  section.ingress_limit = 100'000'000;
  const Recipe recipe = planned(section);
  ASSERT_THAT(recipe.entries, SizeIs(1));
  const Act& act = recipe.entries[0].act;
  EXPECT_EQ(act.object, "vethAb12Cd");
  const auto options = structure_in<tc_tbf_qopt>(act, TCA_TBF_PARMS, kAttributes);
  EXPECT_EQ(options.rate.rate, 12'500'000U);
  EXPECT_EQ(options.rate.linklayer, TC_LINKLAYER_ETHERNET);
  EXPECT_EQ(structure_in<std::uint32_t>(act, TCA_TBF_BURST, kAttributes), 250'000U);
  EXPECT_EQ(options.limit, 250'000U + 1'250'000U);
}

TEST(Limits, LetOnePacketPassHoweverSlow) {
  Section section = bridged();
  section.ingress_limit = 1000;
  const Recipe recipe = planned(section);
  EXPECT_GE(structure_in<std::uint32_t>(recipe.entries[0].act, TCA_TBF_BURST, kAttributes), 9000U);
}

TEST(Limits, BeyondThirtyTwoBitsAreTold) {
  Section section = bridged();
  section.ingress_limit = 1'000'000'000'000;
  const Recipe recipe = planned(section);
  EXPECT_EQ(structure_in<std::uint64_t>(recipe.entries[0].act, TCA_TBF_RATE64, kAttributes), 125'000'000'000U);
  EXPECT_EQ(structure_in<tc_tbf_qopt>(recipe.entries[0].act, TCA_TBF_PARMS, kAttributes).rate.rate, 0xffffffffU);
}

TEST(Limits, FromTheContainerGoThroughAnInterfaceThatIsTakenBack) {
  Section section = bridged();
  section.egress_limit = 1'000'000;
  const Recipe recipe = planned(section);
  std::vector<std::string> objects;
  for (const Entry& entry : recipe.entries) objects.push_back(entry.act.object);
  EXPECT_THAT(objects,
              ElementsAre(::testing::MatchesRegex("ifb[A-Za-z0-9]{6}"), objects[0], objects[0], "vethAb12Cd", "vethAb12Cd"));
  EXPECT_TRUE(recipe.entries[0].outlives);
  ASSERT_THAT(recipe.entries[0].undo, SizeIs(1));
  EXPECT_EQ(recipe.entries[0].undo[0].object, objects[0]);
  // The filter needs both indexes: its own interface's, and the one that packets are led to.
  EXPECT_THAT(recipe.entries[4].act.fixups, SizeIs(2));
  EXPECT_EQ(recipe.entries[4].act.fixups[1].interface, objects[0]);
}

TEST(Limits, OfPairsWithNamesAlikeMeetNowhere) {
  Section section = bridged();
  section.egress_limit = 1'000'000;
  std::vector<std::string> names;
  for (const std::string_view host_end : {"abcdefghijklmno", "xyzdefghijklmno", "vethx", "x"}) {
    Recipe recipe;
    ASSERT_TRUE(add_limits(section, std::string(host_end), 1500, recipe));
    names.push_back(recipe.entries[0].act.object);
    EXPECT_LE(names.back().size(), 15U);
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

// --- addresses and name servers --------------------------------------------------------------------------------------------

class Automatic : public ::testing::Test {
 protected:
  Automatic() {
    std::string name = "/tmp/berth-automatic.XXXXXX";
    directory = ::mkdtemp(name.data());
  }
  ~Automatic() override { std::filesystem::remove_all(directory); }
  std::string directory;
};

TEST_F(Automatic, AddressesComeFirstWithTheLengthOfTheBridge) {
  Section section = with_addresses({"192.0.2.1/32"});
  section.automatic4 = section.automatic6 = kLine;
  ASSERT_TRUE(add_automatic_addresses(section, FakeHost{}, {"/c/web1", directory, true}));
  ASSERT_THAT(section.addresses, SizeIs(3));
  EXPECT_THAT(section.addresses[0].address.text(), HasSubstr("10.0.3."));
  EXPECT_EQ(section.addresses[0].length, 24U);
  EXPECT_EQ(section.addresses[0].origin.line, 5U);
  EXPECT_THAT(section.addresses[1].address.text(), HasSubstr("fd00::"));
  EXPECT_EQ(section.addresses[1].length, 64U);
}

TEST_F(Automatic, AddressesNeedABridgeThatHasOne) {
  const auto refused = [&](const Section& asked, const FakeHost& host) {
    Section section = asked;
    section.automatic4 = kLine;
    const auto done = add_automatic_addresses(section, host, {"/c/web1", directory, true});
    return done ? "nothing is refused" : done.error().render("t", "c");
  };
  Section section = bridged();
  section.link = "br9";
  EXPECT_THAT(refused(section, {}), HasSubstr("the host has no bridge br9"));
  section.link = "";
  EXPECT_THAT(refused(section, {}), HasSubstr("there is none"));
  section = bridged();
  section.mode = "router";
  EXPECT_THAT(refused(section, {}), HasSubstr("router mode"));
  section = bridged();
  section.type = "macvlan";
  EXPECT_THAT(refused(section, {}), HasSubstr("lxc.net.0 is macvlan"));
  FakeHost bare, lone;
  bare.addresses = {{AF_INET6, "fd00::1", 64, 0}};
  lone.addresses = {{AF_INET, "10.0.3.1", 32, 0}};
  EXPECT_THAT(refused(bridged(), bare), HasSubstr("br0 has no IPv4 address"));
  EXPECT_THAT(refused(bridged(), lone), HasSubstr("no room for others"));
}

// A command socket, as a running container has one.
class Running {
 public:
  explicit Running(const std::string& container) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = container + "/command";
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
  }
  ~Running() { ::close(socket_); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  int socket_;
};

TEST_F(Automatic, AddressesAreNobodyElses) {
  Section section = bridged();
  section.automatic4 = kLine;
  FakeHost host;
  host.addresses = {{AF_INET, "10.0.3.1", 29, 0}, {AF_INET, "10.0.3.2", 29, 0}};
  host.neighbours = {"10.0.3.3"};
  const Running other(directory + "/other"), own(directory + "/web1");
  host.ports.resize(3);
  host.ports[0].alias = strings::cat("berth: 10.0.3.4 ", directory, "/other");
  host.ports[1].alias = strings::cat("berth: 10.0.3.5 ", directory, "/stopped");
  host.ports[2].alias = strings::cat("berth: 10.0.3.6 ", directory, "/web1");
  const auto given = [&](const std::string& name) {
    Section asking = section;
    const auto done = add_automatic_addresses(asking, host, {strings::cat(directory, name), directory + name + ".book", true});
    return done ? asking.addresses[0].address.text() : done.error().line();
  };
  EXPECT_THAT(given("/web1"), ::testing::AnyOf("10.0.3.5", "10.0.3.6"));
  EXPECT_EQ(given("/web2"), "10.0.3.5");
}

TEST_F(Automatic, WrittenAddressesThatAreTakenAreRefused) {
  const Running other(directory + "/other");
  FakeHost host;
  host.ports.resize(1);
  host.ports[0].alias = strings::cat("berth: 10.0.3.4 fd00::4 ", directory, "/other");
  const auto refused = [&](std::string_view address) {
    Section section = with_addresses({address});
    section.addresses[0].origin = kLine;
    const auto done = add_automatic_addresses(section, host, {directory + "/web1", directory + "/book", true});
    return done ? "nothing is refused" : done.error().render("t", "c");
  };
  EXPECT_THAT(refused("10.0.3.1/24"), HasSubstr("the address of br0 on the host"));
  EXPECT_THAT(refused("fd00::1/64"), HasSubstr("the address of br0 on the host"));
  EXPECT_THAT(refused("10.0.3.0/24"), HasSubstr("the first or the last one of 10.0.3.0/24"));
  EXPECT_THAT(refused("10.0.3.255/24"), HasSubstr("/c/config:5"));
  EXPECT_THAT(refused("10.0.3.4/24"), HasSubstr("container other of " + directory + " has it on br0"));
  EXPECT_THAT(refused("fd00::4/64"), HasSubstr("stop that container"));
  for (const auto* fine : {"10.0.3.5/24", "192.0.2.0/24", "fd00::/64"}) EXPECT_EQ(refused(fine), "nothing is refused") << fine;
}

TEST(Notes, AreOnTheHostsEnd) {
  const Recipe recipe = planned(with_addresses({"10.0.3.9/24", "fd00::9/64"}));
  ASSERT_THAT(recipe.entries, SizeIs(1));
  EXPECT_EQ(recipe.entries[0].act.object, "vethAb12Cd");
  EXPECT_THAT(recipe.entries[0].act.request, HasSubstr("berth: 10.0.3.9 fd00::9 /c/web1"));
}

TEST(NameServers, AreThoseOfTheLineOrTheBridge) {
  Section section = bridged();
  EXPECT_THAT(name_servers_of(section, FakeHost{}).value(), IsEmpty());
  section.name_servers = {"192.0.2.53"};
  EXPECT_THAT(name_servers_of(section, FakeHost{}).value(), ElementsAre("192.0.2.53"));
  section.name_servers.clear();
  section.dns_of_bridge = true;
  EXPECT_THAT(name_servers_of(section, FakeHost{}).value(), ElementsAre("10.0.3.1"));
  FakeHost version6;
  version6.addresses = {{AF_INET6, "fe80::1", 64, RT_SCOPE_LINK}, {AF_INET6, "fd00::1", 64, 0}};
  EXPECT_THAT(name_servers_of(section, version6).value(), ElementsAre("fd00::1"));
  section.link = "";
  EXPECT_FALSE(name_servers_of(section, FakeHost{}));
}

}  // namespace
}  // namespace berth::network
