#include <gtest/gtest.h>

#include "base/strings.hpp"
#include "cli/top_table.hpp"

namespace berth::cli {
namespace {

using runtime::Rates;
using runtime::Sample;
using runtime::Usage;

constexpr std::uint64_t kMiB = 1 << 20;

Usage usage(std::string name, std::uint64_t cpu_ms, std::uint64_t memory) {
  Usage made;
  made.lxcpath = "/p";
  made.name = std::move(name);
  made.load.stats.cpu_ns = cpu_ms * 1'000'000;
  made.load.stats.memory = memory;
  return made;
}

os::Link link(std::string name, std::uint64_t rx, std::uint64_t tx) {
  os::Link made{};
  made.name = std::move(name);
  made.counters = os::LinkCounters{.rx_bytes = rx, .tx_bytes = tx};
  return made;
}

struct Picture {
  Sample sample;
  std::vector<Rates> rates;

  explicit Picture(std::vector<Usage> usages) : rates(usages.size()) {
    sample.wall = std::chrono::milliseconds(1234);
    sample.usages = std::move(usages);
    for (std::size_t i = 0; i < rates.size(); ++i) {
      if (sample.usages[i].interfaces) rates[i].interfaces.resize(sample.usages[i].interfaces->size());
    }
  }
  [[nodiscard]] TopTable table(TopView view = {}, std::size_t width = 200, std::size_t height = 50) const {
    return top_table(sorted_rows(sample, rates, view), view, sample.silent.size(), width, height);
  }
  [[nodiscard]] std::string order(char key, bool reverse = false) const {
    std::string names;
    for (const TopRow& row : sorted_rows(sample, rates, {key, reverse, false})) names += row.usage->name;
    return names;
  }
};

// LXC's table, as lxc-top 5.0.2 draws it.
TEST(TopTable, HasLxcsColumnsAsLxcWritesThem) {
  Usage one = usage("topa", 4, 268 * 1024);
  one.load.stats.swap = 0;
  one.load.stats.kernel_memory = 156 * 1024;
  Usage two = usage("topbbbbbbbbbbbbbbbbbbbb", 740, 2048000);
  two.load.cpu_system_ns = 150'000'000;
  two.load.cpu_user_ns = 580'000'000;
  two.load.stats.swap = 0;
  two.load.stats.kernel_memory = 156 * 1024;
  const TopTable table = Picture({one, two}).table();
  const auto starts = [](const std::string& line, std::string_view with) { EXPECT_EQ(line.substr(0, with.size()), with); };
  starts(table.titles[0],
         "Container                   CPU          CPU          CPU                                BlkIO        Mem      MemSw   "
         "    KMem");
  starts(table.titles[1],
         "Name                       Used          Sys         User                    Total(Read/Write)       Used       Used   "
         "    Used");
  ASSERT_EQ(table.lines.size(), 3U);
  starts(table.lines[0],
         "topa                       0.00         0.00         0.00         0.00   (  0.00   /  0.00   ) 268.00 KiB 268.00 KiB "
         "156.00 KiB");
  starts(table.lines[1],
         "topbbbbbbbbbbbbbbb         0.74         0.15         0.58         0.00   (  0.00   /  0.00   )   1.95 MiB   1.95 MiB "
         "156.00 KiB");
  starts(table.lines[2],
         "TOTAL 2 of 2               0.74         0.15         0.58         0.00   (  0.00   /  0.00   )   2.21 MiB   2.21 MiB "
         "312.00 KiB");
}

TEST(TopTable, WhatNobodyCountsHasNoColumn) {
  const TopTable table = Picture({usage("a", 0, kMiB)}).table();
  EXPECT_EQ(table.titles[0].find("MemSw"), std::string::npos);
  EXPECT_EQ(table.titles[0].find("KMem"), std::string::npos);
  EXPECT_NE(Picture({}).table().lines.at(0).find("TOTAL 0 of 0"), std::string::npos);
}

TEST(TopTable, NoLineIsWiderThanTheWindow) {
  Usage one = usage("a", 1, kMiB);
  one.load.stats.swap = 1;
  one.load.stats.kernel_memory = 1;
  one.interfaces = {link("an-interface-15", 1, 1)};
  const Picture picture({one});
  for (std::size_t width = 18; width < 220; ++width) {
    const TopTable table = picture.table({'n', false, true}, width);
    for (const auto* lines : {&table.titles, &table.lines}) {
      for (const std::string& line : *lines) EXPECT_LE(line.size(), width) << line;
    }
  }
  EXPECT_NE(picture.table({}, 80).titles[0].find("Net"), std::string::npos) << "the network goes before block input and output";
}

TEST(TopTable, AsManyContainersAsTheWindowHasLines) {
  const Picture picture({usage("a", 1, 1), usage("b", 1, 1), usage("c", 1, 1)});
  for (const std::size_t height : {4U, 5U, 6U, 24U}) {
    const TopTable table = picture.table({}, 100, height);
    EXPECT_LE(table.lines.size() + 2, height);
    EXPECT_EQ(table.lines.back().substr(0, 12), strings::cat("TOTAL ", std::min<std::size_t>(height - 3, 3), " of 3"));
  }
  EXPECT_EQ(picture.table({}, 100, 0).lines.size(), 2U);
}

TEST(TopTable, ContainersThatDoNotAnswerAreCounted) {
  Picture picture({usage("a", 1, 1)});
  picture.sample.silent = {"/p/x", "/p/y"};
  EXPECT_EQ(picture.table().lines.back().substr(0, 12), "TOTAL 1 of 3");
}

TEST(TopTable, InterfacesHaveLinesOfTheirOwn) {
  Usage one = usage("a", 1, kMiB);
  one.interfaces = {link("eth0", 1, 1), link("e\033[2J", 1, 1)};
  Picture picture({one});
  picture.rates[0].received = 2048.0;
  picture.rates[0].interfaces[0] = {2048.0, 100.0};
  const TopTable table = picture.table({'n', false, true});
  ASSERT_EQ(table.lines.size(), 4U);
  EXPECT_NE(table.lines[0].find("  2.00 KiB"), std::string::npos);
  EXPECT_EQ(table.lines[1].substr(0, 18), "  eth0            ");
  EXPECT_NE(table.lines[1].find("  2.00 KiB  100.00"), std::string::npos) << table.lines[1];
  EXPECT_EQ(table.lines[2].find('\033'), std::string::npos);
  EXPECT_EQ(picture.table().lines.size(), 2U);
}

TEST(TopOrder, NamesAscendAndNumbersDescend) {
  Usage a = usage("a", 3, 10), b = usage("b", 1, 30), c = usage("c", 2, 20);
  a.load.blkio_total = 1, b.load.blkio_total = 2, c.load.blkio_total = 3;
  a.load.processes = 5, b.load.processes = 7, c.load.processes = 6;
  a.load.stats.swap = 100, b.load.stats.swap = 0, c.load.stats.swap = 0;
  c.load.stats.kernel_memory = 1;
  Picture picture({c, a, b});
  picture.rates[2].received = 5.0;  // b
  picture.rates[1].sent = 9.0;      // a
  EXPECT_EQ(picture.order('n'), "abc");
  EXPECT_EQ(picture.order('n', true), "cba");
  EXPECT_EQ(picture.order('c'), "acb");
  EXPECT_EQ(picture.order('c', true), "bca");
  EXPECT_EQ(picture.order('b'), "cba");
  EXPECT_EQ(picture.order('m'), "bca");
  EXPECT_EQ(picture.order('s'), "abc");
  EXPECT_EQ(picture.order('k'), "cab") << "the same: by name";
  EXPECT_EQ(picture.order('p'), "bca");
  EXPECT_EQ(picture.order('t'), "abc");
}

TEST(TopBatch, IsLxcs) {
  Usage one = usage("topbb", 0, 1724416);
  one.load.stats.cpu_ns = 740080284;
  one.load.cpu_system_ns = 150'000'000;
  one.load.cpu_user_ns = 580'000'000;
  one.load.blkio_total = 77;
  one.load.blkio_requests = 3;
  one.load.stats.swap = 4;
  one.load.stats.kernel_memory = 159744;
  one.load.processes = 2;
  one.interfaces = {link("eth0", 10, 20), link("a,b", 1, 2)};
  const Picture picture({one, usage("x", 1, 5)});
  const auto rows = sorted_rows(picture.sample, picture.rates, {});
  EXPECT_EQ(batch_titles(false),
            "time_ms,container,cpu_nanos,cpu_sys_userhz,cpu_user_userhz,blkio_bytes,blkio_iops,mem_used_bytes,memsw_used_bytes,"
            "kernel_mem_used_bytes\n");
  EXPECT_EQ(batch_lines(picture.sample, rows, false),
            "1234,topbb,740080284,15,58,77,3,1724416,1724420,159744\n1234,x,1000000,0,0,0,0,5,0,0\n");
  EXPECT_EQ(batch_lines(picture.sample, rows, true),
            "1234,topbb,740080284,15,58,77,3,1724416,1724420,159744,2,11,22,\"eth0:10:20 a,b:1:2\"\n"
            "1234,x,1000000,0,0,0,0,5,0,0,0,0,0,\n");
}

TEST(TopBatch, JsonIsALineForEach) {
  Usage one = usage("a\n", 1, 5);
  one.interfaces = {link("eth0", 10, 20)};
  Picture picture({one, usage("x", 1, 5)});
  picture.rates[0].cpu = 0.5;
  picture.rates[0].interfaces[0].sent = 7.9;
  const std::string text = json_lines(picture.sample, sorted_rows(picture.sample, picture.rates, {}));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  for (const char* part : {R"("name": "a\n")", R"("cpu_per_mille": 500)", R"("tx_bytes_per_second": 7)", R"("rx_bytes": 10)",
                           R"("interfaces": null)", R"("blkio_bytes": null)"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

}  // namespace
}  // namespace berth::cli
