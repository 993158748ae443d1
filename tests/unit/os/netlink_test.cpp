#include "os/netlink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cstring>

#include "../sys/faults.hpp"

namespace berth::os {
namespace {

// Builds datagrams as the kernel would.
class Datagram {
 public:
  template <typename Body>
  Datagram& message(std::uint16_t type, const Body& body, std::uint32_t sequence = 7) {
    start_ = bytes_.size();
    const nlmsghdr head = {0, type, 0, sequence, 0};
    put(&head, sizeof head);
    put(&body, sizeof body);
    return *this;
  }
  Datagram& attribute(std::uint16_t type, std::string_view value) {
    const rtattr head = {static_cast<unsigned short>(sizeof(rtattr) + value.size()), type};
    put(&head, sizeof head);
    put(value.data(), value.size());
    return *this;
  }
  [[nodiscard]] std::vector<std::byte> bytes() const { return bytes_; }

 private:
  void put(const void* data, std::size_t size) {
    const auto* raw = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), raw, raw + size);
    bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});
    const auto length = static_cast<std::uint32_t>(bytes_.size() - start_);
    std::memcpy(bytes_.data() + start_, &length, sizeof length);
  }
  std::vector<std::byte> bytes_;
  std::size_t start_ = 0;
};

ifinfomsg link_body(int index, unsigned flags) {
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_flags = flags;
  return body;
}

ifaddrmsg address_body(int family, unsigned index, unsigned prefix) {
  ifaddrmsg body{};
  body.ifa_family = static_cast<std::uint8_t>(family);
  body.ifa_index = index;
  body.ifa_prefixlen = static_cast<std::uint8_t>(prefix);
  return body;
}

std::vector<Link> one_link() {
  std::vector<Link> links;
  const auto bytes =
      Datagram().message(RTM_NEWLINK, link_body(3, IFF_UP)).attribute(IFLA_IFNAME, std::string_view("eth0\0", 5)).bytes();
  EXPECT_FALSE(parse_netlink(bytes, 7, &links).finished);
  return links;
}

std::string address_of(int family, std::string_view raw) {
  std::vector<Link> links = one_link();
  const auto bytes = Datagram().message(RTM_NEWADDR, address_body(family, 3, 24)).attribute(IFA_ADDRESS, raw).bytes();
  (void)parse_netlink(bytes, 7, &links);
  return links.front().addresses.empty() ? "" : links.front().addresses.front().text;
}

TEST(Netlink, ReadsLinks) {
  const std::vector<Link> links = one_link();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(links[0].name, "eth0");
  EXPECT_EQ(links[0].index, 3);
  EXPECT_TRUE(links[0].up);
  EXPECT_FALSE(links[0].loopback);
}

std::string raw(const auto& value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

std::string attribute(std::uint16_t type, std::string_view value) {
  const rtattr head = {static_cast<unsigned short>(sizeof(rtattr) + value.size()), type};
  std::string text = raw(head);
  text += value;
  text.resize((text.size() + 3) & ~std::size_t{3});
  return text;
}

Link parsed(const Datagram& datagram) {
  std::vector<Link> links;
  (void)parse_netlink(datagram.bytes(), 7, &links);
  return links.size() == 1 ? links.front() : Link{};
}

TEST(Netlink, ReadsCounters) {
  rtnl_link_stats64 stats{};
  stats.rx_bytes = 1ULL << 40;
  stats.tx_bytes = 2;
  stats.rx_packets = 3;
  stats.tx_packets = 4;
  stats.rx_errors = 5;
  stats.tx_errors = 6;
  stats.rx_dropped = 7;
  stats.tx_dropped = 8;
  stats.multicast = 99;
  const Link link = parsed(Datagram().message(RTM_NEWLINK, link_body(3, 0)).attribute(IFLA_STATS64, raw(stats)));
  ASSERT_TRUE(link.counters);
  const LinkCounters& counters = *link.counters;
  EXPECT_EQ(counters.rx_bytes, 1ULL << 40);
  EXPECT_EQ(counters.tx_bytes, 2U);
  EXPECT_EQ(counters.rx_packets, 3U);
  EXPECT_EQ(counters.tx_packets, 4U);
  EXPECT_EQ(counters.rx_errors, 5U);
  EXPECT_EQ(counters.tx_errors, 6U);
  EXPECT_EQ(counters.rx_dropped, 7U);
  EXPECT_EQ(counters.tx_dropped, 8U);
}

TEST(Netlink, CountersThatAreCutShortAreNone) {
  EXPECT_FALSE(parsed(Datagram().message(RTM_NEWLINK, link_body(3, 0)).attribute(IFLA_STATS64, std::string(63, 'x'))).counters);
  EXPECT_FALSE(parsed(Datagram().message(RTM_NEWLINK, link_body(3, 0))).counters);
}

TEST(Netlink, ReadsWhatALinkIsAndWhatElseItIsCalled) {
  const std::string names = attribute(IFLA_ALT_IFNAME, std::string_view("enp3s0\0", 7)) + attribute(IFLA_ALT_IFNAME, "uplink");
  const Link link = parsed(Datagram()
                               .message(RTM_NEWLINK, link_body(3, 0))
                               .attribute(IFLA_LINK, raw(12))
                               .attribute(IFLA_IFALIAS, "the one on the left")
                               .attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, std::string_view("macvlan\0", 8)))
                               .attribute(IFLA_PROP_LIST | NLA_F_NESTED, names));
  EXPECT_EQ(link.kind, "macvlan");
  EXPECT_EQ(link.below, 12);
  EXPECT_EQ(link.alias, "the one on the left");
  EXPECT_EQ(link.other_names, (std::vector<std::string>{"enp3s0", "uplink"}));
}

TEST(Netlink, WritesAddressesAsPeopleDo) {
  using std::string_view;
  EXPECT_EQ(address_of(AF_INET, string_view("\x0a\x00\x03\xff", 4)), "10.0.3.255");
  EXPECT_EQ(address_of(AF_INET6, string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16)), "::1");
  EXPECT_EQ(address_of(AF_INET6, string_view("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16)), "fd00::");
  EXPECT_EQ(address_of(AF_INET6, string_view("\x20\x01\x0d\xb8\0\0\0\x01\0\0\0\0\0\0\xab\xcd", 16)), "2001:db8:0:1::abcd");
  EXPECT_EQ(address_of(AF_INET6, string_view("\0\x01\0\0\0\x03\0\x04\0\x05\0\x06\0\x07\0\x08", 16)), "1:0:3:4:5:6:7:8")
      << "one zero group stays";
  EXPECT_EQ(address_of(AF_INET, "abc"), "") << "wrong size";
  EXPECT_EQ(address_of(AF_PACKET, "abcd"), "");
}

TEST(Netlink, TheLocalEndOfAPointToPointLinkCounts) {
  for (const bool local_first : {true, false}) {
    std::vector<Link> links = one_link();
    Datagram datagram;
    datagram.message(RTM_NEWADDR, address_body(AF_INET, 3, 32));
    if (local_first) datagram.attribute(IFA_LOCAL, "\x01\x01\x01\x01");
    datagram.attribute(IFA_ADDRESS, "\x02\x02\x02\x02");
    if (!local_first) datagram.attribute(IFA_LOCAL, "\x01\x01\x01\x01");
    (void)parse_netlink(datagram.bytes(), 7, &links);
    ASSERT_EQ(links[0].addresses.size(), 1U);
    EXPECT_EQ(links[0].addresses[0].text, "1.1.1.1");
    EXPECT_EQ(links[0].addresses[0].prefix_length, 32U);
  }
}

TEST(Netlink, AddressesAndLinksAreJoinedInAnyOrder) {
  std::vector<Link> links;
  const auto addresses =
      Datagram().message(RTM_NEWADDR, address_body(AF_INET, 3, 24)).attribute(IFA_ADDRESS, "\x01\x02\x03\x04").bytes();
  (void)parse_netlink(addresses, 7, &links);
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(links[0].name, "");
  const auto names = Datagram().message(RTM_NEWLINK, link_body(3, IFF_UP)).attribute(IFLA_IFNAME, "eth0").bytes();
  (void)parse_netlink(names, 7, &links);
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(links[0].name, "eth0");
  EXPECT_EQ(links[0].addresses.at(0).text, "1.2.3.4");
}

TEST(Netlink, AnswersToOthersAreSkipped) {
  std::vector<Link> links;
  const auto bytes = Datagram().message(RTM_NEWLINK, link_body(1, 0), 6).message(NLMSG_DONE, 0, 7).bytes();
  const NetlinkReply reply = parse_netlink(bytes, 7, &links);
  EXPECT_TRUE(reply.finished);
  EXPECT_TRUE(links.empty());
}

TEST(Netlink, RefusalsCarryTheirNumber) {
  nlmsgerr body{};
  body.error = -ENODEV;
  EXPECT_EQ(parse_netlink(Datagram().message(NLMSG_ERROR, body).bytes(), 7, nullptr).error, ENODEV);
}

TEST(Netlink, ADumpThatBreaksOffIsRefused) {
  const NetlinkReply reply = parse_netlink(Datagram().message(NLMSG_DONE, std::int32_t{-EMSGSIZE}).bytes(), 7, nullptr);
  EXPECT_TRUE(reply.finished);
  EXPECT_EQ(reply.error, EMSGSIZE);
}

TEST(Netlink, BrokenLengthsAreSafe) {
  const auto good =
      Datagram().message(RTM_NEWLINK, link_body(3, 0)).attribute(IFLA_IFNAME, "eth0").message(NLMSG_DONE, 0).bytes();
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int value : {0, 1, 3, 0x7f, 0xff}) {
      auto bad = good;
      bad[at] = static_cast<std::byte>(value);
      std::vector<Link> links;
      (void)parse_netlink(bad, 7, &links);
      EXPECT_LE(links.size(), 2U);
    }
    std::vector<Link> links;
    (void)parse_netlink(std::span(good).first(at), 7, &links);
    EXPECT_LE(links.size(), 1U);
  }
  auto too_long = good;
  too_long[0] = static_cast<std::byte>(0xff);
  EXPECT_EQ(parse_netlink(too_long, 7, nullptr).error, EBADMSG);
}

TEST(Netlink, ListsTheLoopback) {
  const std::vector<Link> links = Netlink::open().value().links().value();
  ASSERT_FALSE(links.empty());
  EXPECT_THAT(links, ::testing::Contains(::testing::Field(&Link::loopback, true)));
}

TEST(Netlink, EveryLinkHasCounters) {
  const std::vector<Link> links = Netlink::open().value().links().value();
  for (const Link& link : links) EXPECT_TRUE(link.counters) << link.name;
}

TEST(Netlink, AddressedLinksAreTheOthersThatHaveAddresses) {
  std::vector<Link> expected = Netlink::open().value().links().value();
  std::erase_if(expected, [](const Link& link) { return link.loopback || link.addresses.empty(); });
  const std::vector<Link> links = Netlink::open().value().addressed_links().value();
  ASSERT_EQ(links.size(), expected.size());
  for (const Link& link : expected) {
    const auto same = std::find_if(links.begin(), links.end(), [&](const Link& other) { return other.index == link.index; });
    ASSERT_NE(same, links.end()) << link.name;
    EXPECT_EQ(same->name, link.name);
    EXPECT_EQ(same->addresses.size(), link.addresses.size());
  }
}

TEST(Netlink, AMissingLinkIsNamed) {
  Netlink netlink = Netlink::open().value();
  const std::string refusal = netlink.raise("berth-none").error().line();  // EPERM without the right to ask
  EXPECT_THAT(refusal, ::testing::AnyOf("netlink set up(berth-none): No such device (ENODEV)",
                                        "netlink set up(berth-none): Operation not permitted (EPERM)"));
  EXPECT_EQ(netlink.raise("a-name-that-is-far-too-long").error().code(), ENODEV);
}

TEST(Netlink, NamesThatTheKernelTakes) {
  for (const char* good : {"eth0", "a", "123456789012345", "veth-1.2", "..."}) EXPECT_TRUE(is_interface_name(good)) << good;
  for (const char* bad : {"", ".", "..", "1234567890123456", "a/b", "a:1", "a b", "a\tb"})
    EXPECT_FALSE(is_interface_name(bad)) << bad;
}

TEST(Netlink, FailuresAreToldAndLeakNothing) {
  const std::size_t before = berth::testing::open_descriptors();
  for (const long call : {SYS_socket, SYS_sendmsg, SYS_recvmsg}) {
    const berth::testing::ScopedFault fault(call, 1, ENOBUFS);
    Result<Netlink> netlink = Netlink::open();
    const bool listed = netlink && netlink->links();
    EXPECT_FALSE(listed);
    netlink = fail("done");
    EXPECT_EQ(berth::testing::open_descriptors(), before);
  }
}

// A kernel that answers each request of a netlink socket with the next datagrams of the test.
class FakeKernel {
 public:
  struct Answer {
    std::vector<std::byte> bytes;  // their sequence numbers are replaced by that of the last request
    std::uint32_t port = 0;        // of the sender
  };
  explicit FakeKernel(std::vector<Answer> answers) : scope_(dispatch) { state() = {std::move(answers), {}, 0}; }
  static const std::vector<std::vector<std::byte>>& requests() { return state().requests; }

  static std::uint32_t sequence_of(std::size_t request) {
    std::uint32_t number = 0;
    std::memcpy(&number, requests().at(request).data() + offsetof(nlmsghdr, nlmsg_seq), sizeof number);
    return number;
  }

 private:
  struct State {
    std::vector<Answer> answers;
    std::vector<std::vector<std::byte>> requests;
    std::size_t next = 0;
  };
  static State& state() {
    static State instance;
    return instance;
  }
  static long dispatch(long number, long a, long b, long c, long d, long e, long f) {
    if (number == SYS_sendmsg) return take_request(*reinterpret_cast<const msghdr*>(b));
    if (number == SYS_recvmsg) return answer(*reinterpret_cast<msghdr*>(b));
    return sys::raw::kernel(number, a, b, c, d, e, f);
  }
  static long take_request(const msghdr& header) {
    const auto* bytes = static_cast<const std::byte*>(header.msg_iov->iov_base);
    state().requests.emplace_back(bytes, bytes + header.msg_iov->iov_len);
    return static_cast<long>(header.msg_iov->iov_len);
  }
  static long answer(msghdr& header) {
    if (state().next == state().answers.size()) return -ENOBUFS;
    Answer& now = state().answers[state().next++];
    const std::uint32_t sequence = sequence_of(state().requests.size() - 1);
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= now.bytes.size();) {
      nlmsghdr head{};
      std::memcpy(&head, now.bytes.data() + at, sizeof head);
      head.nlmsg_seq = sequence;
      std::memcpy(now.bytes.data() + at, &head, sizeof head);
      at += head.nlmsg_len;
    }
    std::memcpy(header.msg_iov->iov_base, now.bytes.data(), now.bytes.size());
    sockaddr_nl sender{};
    sender.nl_family = AF_NETLINK;
    sender.nl_pid = now.port;
    std::memcpy(header.msg_name, &sender, sizeof sender);
    header.msg_namelen = sizeof sender;
    header.msg_controllen = 0;
    return static_cast<long>(now.bytes.size());
  }
  sys::raw::ScopedDispatch scope_;
};

std::vector<std::byte> verdict(int error) {
  nlmsgerr body{};
  body.error = -error;
  return Datagram().message(NLMSG_ERROR, body).bytes();
}

TEST(Netlink, OnlyTheKernelAnswers) {
  const FakeKernel kernel({{verdict(0), 4711}, {verdict(EEXIST), 4711}, {verdict(EPERM), 0}, {verdict(0), 0}});
  Netlink netlink = Netlink::open().value();
  EXPECT_EQ(netlink.raise("eth0").error().code(), EPERM);
  EXPECT_TRUE(netlink.raise("eth0"));
}

TEST(Netlink, AnswersCantBeNumberedBeforehand) {
  const FakeKernel kernel({{verdict(0)}, {verdict(0)}, {verdict(0)}});
  Netlink one = Netlink::open().value(), other = Netlink::open().value();
  ASSERT_TRUE(one.raise(1) && one.raise(1) && other.raise(1));
  EXPECT_EQ(FakeKernel::sequence_of(1), FakeKernel::sequence_of(0) + 1);
  EXPECT_NE(FakeKernel::sequence_of(2), FakeKernel::sequence_of(0));
  EXPECT_NE(FakeKernel::sequence_of(0), 1U);
}

TEST(Netlink, WhatAGuestCanHaveChosenIsPrintable) {
  const FakeKernel kernel({{verdict(EEXIST)}});
  EXPECT_EQ(Netlink::open().value().rename(3, "a\x1b[2Jb").error().line(), "netlink rename(a?[2Jb): File exists (EEXIST)");
}

TEST(Netlink, TheWordsOfARefusalArePrintable) {
  struct {
    nlmsghdr head;
    nlmsgerr body;
    rtattr attribute;
    char text[4];
  } message{};
  message.head = {sizeof message, NLMSG_ERROR, NLM_F_ACK_TLVS | NLM_F_CAPPED, 7, 0};
  message.body.error = -EINVAL;
  message.attribute = {sizeof(rtattr) + sizeof message.text, NLMSGERR_ATTR_MSG};
  std::memcpy(message.text, "a\x1bz", 4);
  EXPECT_EQ(parse_netlink(std::as_bytes(std::span(&message, 1)), 7, nullptr).reason, "a?z");
}

std::vector<std::byte> dumped(int index, std::string_view name, std::uint16_t flags) {
  auto bytes =
      Datagram().message(RTM_NEWLINK, link_body(index, IFF_UP)).attribute(IFLA_IFNAME, name).message(NLMSG_DONE, 0).bytes();
  std::memcpy(bytes.data() + offsetof(nlmsghdr, nlmsg_flags), &flags, sizeof flags);
  return bytes;
}

TEST(Netlink, AListThatChangedMeanwhileIsAskedForAgain) {
  const FakeKernel kernel({{dumped(3, "gone", NLM_F_MULTI | NLM_F_DUMP_INTR)}, {dumped(4, "here", NLM_F_MULTI)}});
  const auto links = Netlink::open().value().bare_links();
  ASSERT_TRUE(links) << links.error().line();
  ASSERT_EQ(links->size(), 1U);
  EXPECT_EQ(links->front().name, "here");
  EXPECT_EQ(FakeKernel::requests().size(), 2U);
}

TEST(Netlink, AListThatChangesAllTheTimeIsRefused) {
  const FakeKernel kernel(std::vector<FakeKernel::Answer>(20, {dumped(3, "gone", NLM_F_MULTI | NLM_F_DUMP_INTR)}));
  EXPECT_EQ(Netlink::open().value().bare_links().error().code(), EAGAIN);
  EXPECT_EQ(FakeKernel::requests().size(), 10U);
}

TEST(Netlink, AddressesOfOneInterface) {
  using namespace std::string_view_literals;
  const auto bytes = Datagram()
                         .message(RTM_NEWADDR, address_body(AF_INET, 8, 24))  // of a kernel that tells all of them
                         .attribute(IFA_LOCAL, "\x0a\0\x03\1"sv)
                         .message(RTM_NEWADDR, address_body(AF_INET, 9, 24))
                         .attribute(IFA_LOCAL, "\x0a\0\x03\2"sv)
                         .message(NLMSG_DONE, 0)
                         .bytes();
  const FakeKernel kernel({{bytes}, {verdict(ENODEV)}});
  Netlink netlink = Netlink::open().value();
  const auto addresses = netlink.addresses_of(9);
  ASSERT_TRUE(addresses);
  ASSERT_EQ(addresses->size(), 1U);
  EXPECT_EQ(addresses->front().text, "10.0.3.2");
  ifaddrmsg asked{};
  std::memcpy(&asked, FakeKernel::requests().front().data() + sizeof(nlmsghdr), sizeof asked);
  EXPECT_EQ(asked.ifa_index, 9U);
  EXPECT_TRUE(netlink.addresses_of(10).value().empty());
}

TEST(Netlink, TheKernelTellsTheAddressesOfOneInterface) {
  Netlink netlink = Netlink::open().value();
  const std::vector<Link> links = netlink.links().value();
  for (const Link& link : links) {
    EXPECT_EQ(netlink.addresses_of(link.index).value().size(), link.addresses.size()) << link.name;
  }
  EXPECT_TRUE(netlink.addresses_of(0x7ffffff0).value().empty());
}

}  // namespace
}  // namespace berth::os
