// Runs in: the caller, while planning. Reads only.
#include "cgroup/blkio.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "cgroup/paths.hpp"
#include "cgroup/tree.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {

namespace {

// Documentation/admin-guide/cgroup-v1/blkio-controller.rst and cgroup-v2.rst: ranges and defaults.
constexpr unsigned long kBlkioDefault = 500, kIoDefault = 100, kIoMax = 10000, kBlkioMin = 10, kBlkioMax = 1000, kBfqMax = 1000;

struct Throttle {
  std::string_view v1, v2;
};
constexpr std::array<Throttle, 4> kThrottles = {{{"blkio.throttle.read_bps_device", "rbps"},
                                                 {"blkio.throttle.write_bps_device", "wbps"},
                                                 {"blkio.throttle.read_iops_device", "riops"},
                                                 {"blkio.throttle.write_iops_device", "wiops"}}};

std::vector<Setting> one(const Setting& from, std::string_view file, std::string value) {
  return {Setting{std::string(file), std::move(value), from.origin}};
}

// Maps one version's default to the other's.
std::optional<std::string> scale_weight(std::string_view text, unsigned long multiply, unsigned long divide, unsigned long lowest,
                                        unsigned long highest) {
  const auto weight = strings::parse_number<unsigned long>(strings::trim(text));
  if (!weight || *weight == 0 || *weight > kIoMax) return std::nullopt;
  return strings::cat(std::clamp((*weight * multiply + divide / 2) / divide, lowest, highest));
}

std::optional<std::string> to_io_weight(std::string_view text) {
  return scale_weight(text, kIoDefault, kBlkioDefault, 1, kIoMax);
}
std::optional<std::string> to_blkio_weight(std::string_view text) {
  return scale_weight(text, kBlkioDefault, kIoDefault, kBlkioMin, kBlkioMax);
}

// "MAJ:MIN VALUE"
std::optional<std::pair<std::string_view, std::string_view>> device_value(std::string_view text) {
  const auto words = strings::split_words(text);
  if (words.size() != 2 || words[0].find(':') == std::string_view::npos) return std::nullopt;
  return std::pair{words[0], words[1]};
}

std::optional<std::vector<Setting>> throttle_to_v2(const Setting& setting, std::string_view field) {
  const auto rule = device_value(setting.value);
  if (!rule) return std::nullopt;
  const auto limit = rule->second == "0" ? std::string_view("max") : rule->second;  // v1 removes a limit by 0
  return one(setting, "io.max", strings::cat(rule->first, ' ', field, '=', limit));
}

std::optional<std::vector<Setting>> max_to_v1(const Setting& setting) {
  const auto words = strings::split_words(setting.value);
  if (words.size() < 2 || words[0].find(':') == std::string_view::npos) return std::nullopt;
  std::vector<Setting> out;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto equal = words[i].find('=');
    if (equal == std::string_view::npos) return std::nullopt;
    const auto row = std::ranges::find(kThrottles, words[i].substr(0, equal), &Throttle::v2);
    if (row == kThrottles.end()) return std::nullopt;
    const auto limit = words[i].substr(equal + 1);
    out.push_back({std::string(row->v1), strings::cat(words[0], ' ', limit == "max" ? "0" : limit), setting.origin});
  }
  return out;
}

bool any_group_has(const Placement& unified, std::string_view file) {
  const auto siblings = std::string(parent_path(unified.limit));
  return std::ranges::any_of(child_groups(siblings),
                             [&](const std::string& name) { return sys::exists(join_path(join_path(siblings, name), file)); });
}

}  // namespace

std::string_view v2_controller(std::string_view v1_name) { return v1_name == "blkio" ? "io" : v1_name; }
std::string_view v1_controller(std::string_view v2_name) { return v2_name == "io" ? "blkio" : v2_name; }

std::optional<std::vector<Setting>> blkio_to_v2(const Setting& setting) {
  const auto row = std::ranges::find(kThrottles, setting.file, &Throttle::v1);
  if (row != kThrottles.end()) return throttle_to_v2(setting, row->v2);
  if (setting.file == "blkio.bfq.weight") return one(setting, "io.bfq.weight", setting.value);
  if (setting.file == "blkio.weight") {
    const auto weight = to_io_weight(setting.value);
    return weight ? std::optional(one(setting, "io.weight", *weight)) : std::nullopt;
  }
  if (setting.file == "blkio.weight_device") {
    const auto rule = device_value(setting.value);
    const auto weight = rule ? to_io_weight(rule->second) : std::nullopt;
    return weight ? std::optional(one(setting, "io.weight", strings::cat(rule->first, ' ', *weight))) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::vector<Setting>> io_to_v1(const Setting& setting) {
  if (setting.file == "io.max") return max_to_v1(setting);
  if (setting.file == "io.bfq.weight") return one(setting, "blkio.bfq.weight", setting.value);
  if (setting.file != "io.weight") return std::nullopt;
  if (const auto rule = device_value(setting.value)) {
    const auto weight = to_blkio_weight(rule->second);
    if (!weight) return std::nullopt;
    return one(setting, "blkio.weight_device", strings::cat(rule->first, ' ', *weight));
  }
  const auto words = strings::split_words(setting.value);
  if (words.empty() || words.size() > 2 || (words.size() == 2 && words[0] != "default")) return std::nullopt;
  const auto weight = to_blkio_weight(words.back());
  return weight ? std::optional(one(setting, "blkio.weight", *weight)) : std::nullopt;
}

Setting localize_weight(const Setting& translated, const Setting& asked, const Placement& unified) {
  if (asked.file != "blkio.weight" || translated.file != "io.weight") return translated;
  if (any_group_has(unified, "io.weight") || !any_group_has(unified, "io.bfq.weight")) return translated;
  const auto weight = strings::parse_number<unsigned long>(strings::trim(asked.value)).value_or(kIoDefault);
  return {"io.bfq.weight", strings::cat(std::clamp(weight, 1UL, kBfqMax)), asked.origin};
}

}  // namespace berth::cgroup
