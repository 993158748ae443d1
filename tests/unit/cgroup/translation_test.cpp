#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cgroup/driver.hpp"

namespace berth::cgroup {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

std::optional<Files> files(const std::optional<std::vector<Setting>>& settings) {
  if (!settings) return std::nullopt;
  Files out;
  for (const auto& one : *settings) out.emplace_back(one.file, one.value);
  return out;
}

std::optional<Files> v2(std::string file, std::string value, const std::vector<Setting>& among = {}) {
  return files(translate_to_v2({std::move(file), std::move(value), {}}, among));
}
std::optional<Files> v1(std::string file, std::string value, const std::vector<Setting>& among = {}) {
  return files(translate_to_v1({std::move(file), std::move(value), {}}, among));
}

TEST(ToV2, CpuSharesUseTheKernelsScale) {
  EXPECT_EQ(v2("cpu.shares", "1024"), (Files{{"cpu.weight", "100"}}));
  EXPECT_EQ(v2("cpu.shares", "512"), (Files{{"cpu.weight", "50"}}));
  EXPECT_EQ(v2("cpu.shares", "520"), (Files{{"cpu.weight", "51"}}));
  EXPECT_EQ(v2("cpu.shares", "2"), (Files{{"cpu.weight", "1"}}));
  EXPECT_EQ(v2("cpu.shares", "18446744073709551615"), (Files{{"cpu.weight", "10000"}}));
  EXPECT_EQ(v2("cpu.shares", "many"), std::nullopt);
}

TEST(ToV2, QuotaAndPeriodBecomeOneWrite) {
  const std::vector<Setting> both = {{"cpu.cfs_period_us", "50000", {}}, {"cpu.cfs_quota_us", "20000", {}}};
  EXPECT_EQ(v2("cpu.cfs_quota_us", "20000", both), (Files{{"cpu.max", "20000 50000"}}));
  EXPECT_EQ(v2("cpu.cfs_period_us", "50000", both), Files{});
  EXPECT_EQ(v2("cpu.cfs_quota_us", "20000"), (Files{{"cpu.max", "20000"}}));
  EXPECT_EQ(v2("cpu.cfs_quota_us", "-1"), (Files{{"cpu.max", "max"}}));
  EXPECT_EQ(v2("cpu.cfs_period_us", "50000"), (Files{{"cpu.max", "max 50000"}}));
}

TEST(ToV2, Memory) {
  EXPECT_EQ(v2("memory.limit_in_bytes", "512M"), (Files{{"memory.max", "512M"}}));
  EXPECT_EQ(v2("memory.limit_in_bytes", "-1"), (Files{{"memory.max", "max"}}));
  EXPECT_EQ(v2("memory.soft_limit_in_bytes", "1G"), (Files{{"memory.low", "1G"}}));
}

TEST(ToV2, SwapIsTheDifference) {
  const std::vector<Setting> limit = {{"memory.limit_in_bytes", "512M", {}}};
  EXPECT_EQ(v2("memory.memsw.limit_in_bytes", "1G", limit), (Files{{"memory.swap.max", "536870912"}}));
  EXPECT_EQ(v2("memory.memsw.limit_in_bytes", "-1"), (Files{{"memory.swap.max", "max"}}));
  EXPECT_EQ(v2("memory.memsw.limit_in_bytes", "1G"), std::nullopt);
  EXPECT_EQ(v2("memory.memsw.limit_in_bytes", "256M", limit), std::nullopt);
  EXPECT_EQ(v2("memory.memsw.limit_in_bytes", "16E", limit), std::nullopt);
}

TEST(ToV2, Blkio) {
  EXPECT_EQ(v2("blkio.weight", "500"), (Files{{"io.weight", "100"}}));
  EXPECT_EQ(v2("blkio.weight_device", "8:0 1000"), (Files{{"io.weight", "8:0 200"}}));
  EXPECT_EQ(v2("blkio.throttle.read_bps_device", "8:0 1048576"), (Files{{"io.max", "8:0 rbps=1048576"}}));
  EXPECT_EQ(v2("blkio.throttle.write_iops_device", "8:0 0"), (Files{{"io.max", "8:0 wiops=max"}}));
  EXPECT_EQ(v2("blkio.weight", "0"), std::nullopt);
  EXPECT_EQ(v2("blkio.throttle.read_bps_device", "8"), std::nullopt);
}

TEST(ToV2, Others) {
  EXPECT_EQ(v2("cpuset.cpus", "0-1"), (Files{{"cpuset.cpus", "0-1"}}));
  EXPECT_EQ(v2("pids.max", "max"), (Files{{"pids.max", "max"}}));
  EXPECT_EQ(v2("hugetlb.2MB.limit_in_bytes", "-1"), (Files{{"hugetlb.2MB.max", "max"}}));
  EXPECT_EQ(v2("freezer.state", "FROZEN"), (Files{{"cgroup.freeze", "1"}}));
  EXPECT_EQ(v2("memory.swappiness", "10"), std::nullopt);
  EXPECT_EQ(v2("net_cls.classid", "1"), std::nullopt);
}

TEST(ToV1, Cpu) {
  EXPECT_EQ(v1("cpu.weight", "100"), (Files{{"cpu.shares", "1024"}}));
  EXPECT_EQ(v1("cpu.weight", "1"), (Files{{"cpu.shares", "10"}}));
  EXPECT_EQ(v1("cpu.weight", "0"), std::nullopt);
  EXPECT_EQ(v1("cpu.max", "20000 50000"), (Files{{"cpu.cfs_period_us", "50000"}, {"cpu.cfs_quota_us", "20000"}}));
  EXPECT_EQ(v1("cpu.max", "max"), (Files{{"cpu.cfs_quota_us", "-1"}}));
  EXPECT_EQ(v1("cpu.max", ""), std::nullopt);
}

TEST(ToV1, SwapIsTheSumAndComesAfterItsLimit) {
  const std::vector<Setting> limit = {{"memory.max", "512M", {}}};
  EXPECT_EQ(v1("memory.swap.max", "512M", limit),
            (Files{{"memory.limit_in_bytes", "512M"}, {"memory.memsw.limit_in_bytes", "1073741824"}}));
  EXPECT_EQ(v1("memory.swap.max", "1"), std::nullopt);
  EXPECT_EQ(v1("memory.swap.max", "max"), (Files{{"memory.memsw.limit_in_bytes", "-1"}}));
}

TEST(ToV1, Io) {
  EXPECT_EQ(v1("io.weight", "default 100"), (Files{{"blkio.weight", "500"}}));
  EXPECT_EQ(v1("io.weight", "8:16 100"), (Files{{"blkio.weight_device", "8:16 500"}}));
  EXPECT_EQ(v1("io.max", "8:0 rbps=1 wiops=max"),
            (Files{{"blkio.throttle.read_bps_device", "8:0 1"}, {"blkio.throttle.write_iops_device", "8:0 0"}}));
  EXPECT_EQ(v1("io.max", "8:0 speed=1"), std::nullopt);
  EXPECT_EQ(v1("io.latency", "8:0 target=1"), std::nullopt);
}

TEST(ToV1, KeepsTheOrigin) {
  const auto translated = translate_to_v1({"cpu.max", "1 2", {"/c", 7, "x"}});
  ASSERT_TRUE(translated);
  for (const auto& one : *translated) EXPECT_EQ(one.origin.line, 7U);
}

TEST(ToV1, WordsThatAreTheSameStay) { EXPECT_EQ(v1("pids.max", "max"), (Files{{"pids.max", "max"}})); }

}  // namespace
}  // namespace berth::cgroup
