// Runs in: host commands.
#include "cli/config_notes.hpp"

#include "base/strings.hpp"

namespace berth::cli {
namespace {

using cgroup::Layout;
using cgroup::Setting;
using Pairs = std::vector<config::Sourced<std::pair<std::string, std::string>>>;

// The version that the host lacks.
struct Absent {
  std::string_view key, version, other;
};
constexpr Absent kNoV1 = {"lxc.cgroup.", "1", "2"};
constexpr Absent kNoV2 = {"lxc.cgroup2.", "2", "1"};

bool is_device_rule(const Setting& setting) { return setting.file == "devices.allow" || setting.file == "devices.deny"; }

std::vector<Setting> settings_of(const Pairs& pairs) {
  std::vector<Setting> settings;
  for (const auto& [item, origin] : pairs) settings.push_back({item.first, item.second, origin});
  return settings;
}

// "memory.max = 512M"
std::string names_of(const std::vector<Setting>& settings) {
  std::string text;
  for (const Setting& setting : settings) text += strings::cat(text.empty() ? "" : ", ", setting.file, " = ", setting.value);
  return text;
}

std::string what_becomes(const Absent& absent, const Setting& setting, const std::vector<Setting>& all, bool others_count) {
  if (is_device_rule(setting)) {
    if (others_count) return "the rule does not count, because there are rules of the host's version too";
    return absent.other == "2" ? "the rule becomes part of a device program"
                               : "the rule is given to the devices controller of version 1";
  }
  const auto translated = absent.other == "2" ? cgroup::translate_to_v2(setting, all) : cgroup::translate_to_v1(setting, all);
  if (!translated) return strings::cat("version ", absent.other, " has nothing like it, and a start fails");
  if (translated->empty()) return "another line's value carries it";
  return strings::cat("a start sets ", names_of(*translated));
}

std::vector<Error> notes_of(const Absent& absent, const Pairs& pairs, const Pairs& present) {
  std::vector<Error> notes;
  const std::vector<Setting> all = settings_of(pairs);
  bool others_count = false;
  for (const Setting& setting : settings_of(present)) others_count = others_count || is_device_rule(setting);
  for (const Setting& setting : all) {
    notes.push_back(Error::message(strings::cat(absent.key, setting.file, " is of control groups version ", absent.version,
                                                ", and this host has version ", absent.other, " alone"))
                        .because(what_becomes(absent, setting, all, others_count))
                        .set_by(setting.origin));
  }
  return notes;
}

}  // namespace

std::vector<Error> find_notes(const config::Conf& conf, Layout layout) {
  if (layout == Layout::kV2) return notes_of(kNoV1, conf.cgroup.v1, conf.cgroup.v2);
  if (layout == Layout::kV1) return notes_of(kNoV2, conf.cgroup.v2, conf.cgroup.v1);
  return {};
}

}  // namespace berth::cli
