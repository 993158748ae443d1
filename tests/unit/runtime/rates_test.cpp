#include "runtime/rates.hpp"

#include <gtest/gtest.h>

namespace berth::runtime {
namespace {

using namespace std::chrono_literals;

os::Link link(int index, std::uint64_t rx, std::uint64_t tx) {
  os::Link made{};
  made.index = index;
  made.counters = os::LinkCounters{.rx_bytes = rx, .tx_bytes = tx};
  return made;
}

Usage usage(std::string name, pid_t init, std::uint64_t cpu_ns, std::vector<os::Link> links = {}) {
  Usage made;
  made.lxcpath = "/p";
  made.name = std::move(name);
  made.init = init;
  made.load.stats.cpu_ns = cpu_ns;
  made.interfaces = std::move(links);
  return made;
}

Sample sample(std::chrono::nanoseconds at, std::vector<Usage> usages) {
  Sample made;
  made.usages = std::move(usages);
  for (Usage& usage : made.usages) usage.monotonic = at;
  return made;
}

TEST(Rates, AreASecond) {
  EXPECT_EQ(rate(100, 400, 2s), 150.0);
  EXPECT_EQ(rate(100, 400, 500ms), 600.0);
  EXPECT_EQ(rate(7, 7, 1s), 0.0);
  EXPECT_EQ(rate(0, ~0ULL, 1s), 18446744073709551616.0);
}

TEST(Rates, NothingWhereTheCounterBeganAnewOrNoTimePassed) {
  EXPECT_FALSE(rate(400, 100, 1s));
  EXPECT_FALSE(rate(1, 2, 0s));
  EXPECT_FALSE(rate(1, 2, -1s));
}

TEST(Rates, OfAContainer) {
  const auto rates = rates_between(sample(10s, {usage("a", 1, 1'000'000'000, {link(2, 100, 0), link(3, 0, 10)})}),
                                   sample(12s, {usage("a", 1, 4'000'000'000, {link(2, 300, 0), link(3, 0, 30)})}));
  ASSERT_EQ(rates.size(), 1U);
  EXPECT_EQ(rates[0].cpu, 1.5);
  EXPECT_EQ(rates[0].received, 100.0);
  EXPECT_EQ(rates[0].sent, 10.0);
  ASSERT_EQ(rates[0].interfaces.size(), 2U);
  EXPECT_EQ(rates[0].interfaces[0].received, 100.0);
  EXPECT_EQ(rates[0].interfaces[1].sent, 10.0);
}

TEST(Rates, OfContainersThatWereReadAtDifferentTimes) {
  Sample before = sample(10s, {usage("a", 1, 0), usage("b", 2, 0)});
  Sample now = sample(11s, {usage("a", 1, 1'000'000'000), usage("b", 2, 3'000'000'000)});
  now.usages[1].monotonic = 13s;  // one between them did not answer for two seconds
  const auto rates = rates_between(before, now);
  ASSERT_EQ(rates.size(), 2U);
  EXPECT_EQ(rates[0].cpu, 1.0);
  EXPECT_EQ(rates[1].cpu, 1.0);
}

TEST(Rates, ANewInterfaceIsNoBurst) {
  const auto rates = rates_between(sample(10s, {usage("a", 1, 0, {link(2, 0, 0)})}),
                                   sample(11s, {usage("a", 1, 0, {link(5, 1000000, 1000000), link(2, 7, 0)})}));
  EXPECT_FALSE(rates[0].interfaces[0].received);
  EXPECT_EQ(rates[0].received, 7.0);
}

TEST(Rates, ContainersThatCameOrWereRestartedHaveNone) {
  auto elsewhere = usage("a", 1, 0);
  elsewhere.lxcpath = "/q";
  const auto rates = rates_between(sample(10s, {usage("a", 1, 0), usage("gone", 2, 0)}),
                                   sample(11s, {usage("a", 9, 5'000'000'000, {link(2, 1, 1)}), usage("new", 3, 1), elsewhere}));
  ASSERT_EQ(rates.size(), 3U);
  for (const Rates& none : rates) EXPECT_FALSE(none.cpu || none.received || none.sent);
  EXPECT_EQ(rates[0].interfaces.size(), 1U) << "one for each interface, known or not";
}

TEST(Rates, AnUnknownNetworkHasNone) {
  auto before = usage("a", 1, 0);
  before.interfaces.reset();
  const auto rates = rates_between(sample(10s, {before}), sample(11s, {usage("a", 1, 500'000'000, {link(2, 1, 1)})}));
  EXPECT_EQ(rates[0].cpu, 0.5);
  EXPECT_FALSE(rates[0].received);
}

}  // namespace
}  // namespace berth::runtime
