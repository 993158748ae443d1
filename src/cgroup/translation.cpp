// Runs in: the caller, while planning. Pure functions: a cgroup v1 value in the words of v2, and the reverse.
#include <algorithm>
#include <array>
#include <cstdint>

#include "base/strings.hpp"
#include "cgroup/blkio.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/paths.hpp"

namespace berth::cgroup {

namespace {

using Translated = std::optional<std::vector<Setting>>;

// Files with the same meaning and, but for "no limit", the same words: -1 on v1 is max on v2.
struct Pair {
  std::string_view v1, v2;
};
constexpr std::array<Pair, 9> kPairs = {{{"memory.limit_in_bytes", "memory.max"},
                                         {"memory.soft_limit_in_bytes", "memory.low"},
                                         {"cpuset.cpus", "cpuset.cpus"},
                                         {"cpuset.mems", "cpuset.mems"},
                                         {"pids.max", "pids.max"},
                                         {"cpu.cfs_burst_us", "cpu.max.burst"},
                                         {"cpu.idle", "cpu.idle"},
                                         {"rdma.max", "rdma.max"},
                                         {"misc.max", "misc.max"}}};

// pids.max, rdma.max and misc.max say "max" in v1 too.
bool same_words(const Pair& pair) { return pair.v1 == pair.v2; }

constexpr std::int64_t kUnlimited = -1;

Translated one(const Setting& from, std::string_view file, std::string value) {
  return std::vector<Setting>{Setting{std::string(file), std::move(value), from.origin}};
}

const std::string* last_value(const std::vector<Setting>& settings, std::string_view file) {
  const std::string* found = nullptr;
  for (const auto& setting : settings) {
    if (setting.file == file) found = &setting.value;
  }
  return found;
}

std::string to_v2_limit(std::string_view value) { return strings::trim(value) == "-1" ? "max" : std::string(value); }
std::string to_v1_limit(std::string_view value) { return strings::trim(value) == "max" ? "-1" : std::string(value); }

// The kernel's memparse: a decimal number with an optional binary unit.
std::optional<std::int64_t> parse_bytes(std::string_view text) {
  static constexpr std::string_view kUnits = "KMGTPE";
  text = strings::trim(text);
  if (text == "-1" || text == "max") return kUnlimited;
  std::uint64_t unit = 1;
  if (!text.empty()) {
    const auto index = kUnits.find(static_cast<char>(text.back() & ~0x20));
    if (index != std::string_view::npos) {
      unit = std::uint64_t{1} << (10 * (index + 1));
      text.remove_suffix(1);
    }
  }
  const auto number = strings::parse_number<std::int64_t>(text);
  std::int64_t bytes = 0;
  if (!number || *number < 0 || __builtin_mul_overflow(*number, unit, &bytes)) return std::nullopt;
  return bytes;
}

// kernel/sched: a v2 weight w is w * 1024 / 100 shares, so the defaults 1024 and 100 meet; ranges as in sched-design and
// cgroup-v2.
Translated shares_to_weight(const Setting& setting) {
  const auto shares = strings::parse_number<std::uint64_t>(strings::trim(setting.value));
  constexpr std::uint64_t kMost = 262144;
  if (!shares) return std::nullopt;
  const auto weight = (std::min(*shares, kMost) * 100 + 512) / 1024;
  return one(setting, "cpu.weight", strings::cat(std::clamp<std::uint64_t>(weight, 1, 10000)));
}

Translated weight_to_shares(const Setting& setting) {
  const auto weight = strings::parse_number<std::uint64_t>(strings::trim(setting.value));
  if (!weight || *weight < 1 || *weight > 10000) return std::nullopt;
  return one(setting, "cpu.shares", strings::cat(std::max<std::uint64_t>((*weight * 1024 + 50) / 100, 2)));
}

// cpu.max holds "QUOTA PERIOD"; without a period the kernel keeps the one that is set.
Translated quota_to_max(const Setting& setting, const std::vector<Setting>& among) {
  const auto quota = strings::parse_number<std::int64_t>(strings::trim(setting.value));
  if (!quota) return std::nullopt;
  const auto text = *quota < 0 ? std::string("max") : strings::cat(*quota);
  const auto* period = last_value(among, "cpu.cfs_period_us");
  return one(setting, "cpu.max", period == nullptr ? text : strings::cat(text, ' ', strings::trim(*period)));
}

Translated period_to_max(const Setting& setting, const std::vector<Setting>& among) {
  if (last_value(among, "cpu.cfs_quota_us") != nullptr) return std::vector<Setting>{};
  return one(setting, "cpu.max", strings::cat("max ", strings::trim(setting.value)));
}

// The period first: the kernel checks a quota against it.
Translated max_to_quota(const Setting& setting) {
  const auto words = strings::split_words(setting.value);
  if (words.empty() || words.size() > 2) return std::nullopt;
  std::vector<Setting> out;
  if (words.size() == 2) out.push_back({"cpu.cfs_period_us", std::string(words[1]), setting.origin});
  out.push_back({"cpu.cfs_quota_us", to_v1_limit(words[0]), setting.origin});
  return out;
}

// v1 limits memory and swap together, v2 swap alone.
Translated memsw_to_swap(const Setting& setting, const std::vector<Setting>& among) {
  const auto both = parse_bytes(setting.value);
  if (both == kUnlimited) return one(setting, "memory.swap.max", "max");
  const auto* limit = last_value(among, "memory.limit_in_bytes");
  const auto memory = limit == nullptr ? std::nullopt : parse_bytes(*limit);
  if (!both || !memory || *memory == kUnlimited || *memory > *both) return std::nullopt;
  return one(setting, "memory.swap.max", strings::cat(*both - *memory));
}

// The memory limit is written too: v1 refuses a sum below the limit that is in force at that moment.
Translated swap_to_memsw(const Setting& setting, const std::vector<Setting>& among) {
  const auto swap = parse_bytes(setting.value);
  if (swap == kUnlimited) return one(setting, "memory.memsw.limit_in_bytes", "-1");
  const auto* limit = last_value(among, "memory.max");
  const auto memory = limit == nullptr ? std::nullopt : parse_bytes(*limit);
  std::int64_t both = 0;
  if (!swap || !memory || *memory == kUnlimited || __builtin_add_overflow(*swap, *memory, &both)) return std::nullopt;
  return std::vector<Setting>{{"memory.limit_in_bytes", *limit, setting.origin},
                              {"memory.memsw.limit_in_bytes", strings::cat(both), setting.origin}};
}

// hugetlb.2MB.limit_in_bytes is hugetlb.2MB.max.
Translated rename_suffix(const Setting& setting, std::string_view from, std::string_view to, std::string value) {
  if (!setting.file.ends_with(from)) return std::nullopt;
  const auto stem = std::string_view(setting.file).substr(0, setting.file.size() - from.size());
  return one(setting, strings::cat(stem, to), std::move(value));
}

Translated freezer_to_freeze(const Setting& setting) {
  const auto state = strings::trim(setting.value);
  if (state != "FROZEN" && state != "THAWED") return std::nullopt;
  return one(setting, "cgroup.freeze", state == "FROZEN" ? "1" : "0");
}

Translated freeze_to_freezer(const Setting& setting) {
  const auto state = strings::trim(setting.value);
  if (state != "0" && state != "1") return std::nullopt;
  return one(setting, "freezer.state", state == "1" ? "FROZEN" : "THAWED");
}

}  // namespace

Translated translate_to_v2(const Setting& setting, const std::vector<Setting>& among) {
  const auto pair = std::ranges::find(kPairs, setting.file, &Pair::v1);
  if (pair != kPairs.end()) return one(setting, pair->v2, same_words(*pair) ? setting.value : to_v2_limit(setting.value));
  if (setting.file == "cpu.shares") return shares_to_weight(setting);
  if (setting.file == "cpu.cfs_quota_us") return quota_to_max(setting, among);
  if (setting.file == "cpu.cfs_period_us") return period_to_max(setting, among);
  if (setting.file == "memory.memsw.limit_in_bytes") return memsw_to_swap(setting, among);
  if (setting.file == "freezer.state") return freezer_to_freeze(setting);
  const auto controller = controller_of(setting.file);
  if (controller == "blkio") return blkio_to_v2(setting);
  if (controller == "hugetlb") return rename_suffix(setting, ".limit_in_bytes", ".max", to_v2_limit(setting.value));
  return std::nullopt;
}

Translated translate_to_v1(const Setting& setting, const std::vector<Setting>& among) {
  const auto pair = std::ranges::find(kPairs, setting.file, &Pair::v2);
  if (pair != kPairs.end()) return one(setting, pair->v1, same_words(*pair) ? setting.value : to_v1_limit(setting.value));
  if (setting.file == "cpu.weight") return weight_to_shares(setting);
  if (setting.file == "cpu.max") return max_to_quota(setting);
  if (setting.file == "memory.swap.max") return swap_to_memsw(setting, among);
  if (setting.file == "cgroup.freeze") return freeze_to_freezer(setting);
  const auto controller = controller_of(setting.file);
  if (controller == "io") return io_to_v1(setting);
  if (controller == "hugetlb") return rename_suffix(setting, ".max", ".limit_in_bytes", to_v1_limit(setting.value));
  return std::nullopt;
}

}  // namespace berth::cgroup
