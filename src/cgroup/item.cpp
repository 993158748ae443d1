// Runs in: host commands and library callers.
#include "cgroup/item.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/strings.hpp"
#include "cgroup/blkio.hpp"
#include "cgroup/paths.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {
namespace {

using Settings = std::vector<Setting>;
using Translate = std::optional<Settings> (*)(const Setting& setting, const Settings& among);

// Counters: they are read, and the same in both versions.
struct Pair {
  std::string_view v1, v2;
};
constexpr auto kCounters =
    std::to_array<Pair>({Pair{"memory.usage_in_bytes", "memory.current"}, Pair{"memory.max_usage_in_bytes", "memory.peak"},
                         Pair{"cpuset.effective_cpus", "cpuset.cpus.effective"},
                         Pair{"cpuset.effective_mems", "cpuset.mems.effective"}, Pair{"tasks", "cgroup.threads"}});

// What v1 shows for no limit: the most that it counts in whole pages.
constexpr std::string_view kNoLimitV1 = "9223372036854771712";

Status check_name(std::string_view file) {
  if (!file.empty() && file.front() != '.' && file.find('/') == file.npos && file.find('\0') == file.npos) return {};
  return fail(Error::message(strings::cat("'", file, "' is not the name of a control group's file"))
                  .hint("as in memory.max or cpu.shares"));
}

// Empty when no group has that file.
std::string find_file(std::span<const LimitGroup> groups, std::string_view file) {
  const auto controller = controller_of(file);
  std::string fallback;
  for (const LimitGroup& group : groups) {
    std::string path = join_path(group.directory, file);
    const bool meant = group.unified() || has_controller(group.controllers, controller);
    if ((meant || fallback.empty()) && sys::exists(path)) {
      if (meant) return path;
      fallback = std::move(path);  // cgroup.procs: each hierarchy has it
    }
  }
  return fallback;
}

std::string inventory(std::span<const LimitGroup> groups) {
  std::vector<std::string> names;
  for (const LimitGroup& group : groups)
    names.push_back(group.unified()
                        ? strings::cat("cgroup v2 (", first_line(join_path(group.directory, "cgroup.controllers")), ")")
                        : group.controllers);
  return names.empty() ? "none" : strings::join(names, ", ");
}

Error no_such_file(std::span<const LimitGroup> groups, const std::string& file) {
  return Error::message(strings::cat("the container's control groups have no ", file), ENOENT)
      .because(strings::cat("nor a file that means the same; its groups are ", inventory(groups)));
}

// The files of the other version that carry `file`: a translation tells them, whatever value is translated.
Settings carriers(const std::string& file, Translate translate) {
  for (const std::string_view probe : {"max 100000", "max", "100", "1", "THAWED"}) {
    const auto found = translate({file, std::string(probe), {}}, {});
    if (found && !found->empty()) return *found;
  }
  return {};
}

struct Direction {
  Translate there, back;
  bool to_v1;
};
constexpr std::array<Direction, 2> kDirections = {
    {{translate_to_v1, translate_to_v2, true}, {translate_to_v2, translate_to_v1, false}}};

// v1 says no limit by a number, which its files take as -1.
std::string spoken(const std::string& file, std::string_view text) {
  const auto value = strings::trim(text);
  return file.ends_with("_in_bytes") && value == kNoLimitV1 ? "-1" : std::string(value);
}

std::string shown(const std::string& file, const std::string& value) {
  return strings::cat(file.ends_with("_in_bytes") && value == "-1" ? kNoLimitV1 : std::string_view(value), "\n");
}

// What the carriers hold now, and what translations of them look at besides. Nothing when one is missing.
std::optional<Settings> current(std::span<const LimitGroup> groups, Settings files) {
  if (std::ranges::find(files, "memory.memsw.limit_in_bytes", &Setting::file) != files.end())
    files.push_back({"memory.limit_in_bytes", {}, {}});
  if (std::ranges::find(files, "memory.swap.max", &Setting::file) != files.end()) files.push_back({"memory.max", {}, {}});
  for (Setting& setting : files) {
    const std::string path = find_file(groups, setting.file);
    const auto text = path.empty() ? Result<std::string>(fail("absent", ENOENT)) : sys::read_file(path);
    if (!text) return std::nullopt;
    setting.value = spoken(setting.file, *text);
  }
  return files;
}

// All of `settings` in the other version's words.
Settings translated(const Settings& settings, Translate translate) {
  Settings result;
  for (const Setting& setting : settings) {
    const auto pieces = translate(setting, settings);
    if (!pieces) continue;
    for (const Setting& piece : *pieces) {
      if (std::ranges::find(result, piece.file, &Setting::file) == result.end()) result.push_back(piece);
    }
  }
  return result;
}

// What the group says now in the version in which `file` was asked for.
Settings now_in_words_of(std::span<const LimitGroup> groups, const std::string& file, const Direction& direction) {
  const auto held = current(groups, carriers(file, direction.there));
  return held ? translated(*held, direction.back) : Settings{};
}

Result<std::string> read_counter(std::span<const LimitGroup> groups, const std::string& file) {
  for (const Pair& pair : kCounters) {
    if (pair.v1 != file && pair.v2 != file) continue;
    const std::string path = find_file(groups, pair.v1 == file ? pair.v2 : pair.v1);
    if (!path.empty()) return sys::read_file(path);
  }
  return fail(no_such_file(groups, file));
}

// Where the kernel offers BFQ's weight alone, see localize_weight.
std::string place_of(std::span<const LimitGroup> groups, const Setting& piece) {
  std::string path = find_file(groups, piece.file);
  if (path.empty() && piece.file == "io.weight") path = find_file(groups, "io.bfq.weight");
  return path;
}

// `setting` goes with what the others of its kind say now; where another one carries its value, that one is translated.
std::optional<Settings> pieces_of(const Setting& setting, Settings now, Translate translate) {
  std::erase_if(now, [&](const Setting& other) { return other.file == setting.file; });
  auto pieces = translate(setting, now);
  if (!pieces || !pieces->empty()) return pieces;
  for (const Setting& carrier : now) {
    Settings among = {setting};
    pieces = translate(carrier, among);
    if (pieces && !pieces->empty()) return pieces;
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> read_item(std::span<const LimitGroup> groups, const std::string& file) {
  TRY(check_name(file));
  if (const std::string path = find_file(groups, file); !path.empty()) return sys::read_file(path);
  for (const Direction& direction : kDirections) {
    const Settings now = now_in_words_of(groups, file, direction);
    const auto found = std::ranges::find(now, file, &Setting::file);
    if (found != now.end()) return shown(file, found->value);
  }
  return read_counter(groups, file);
}

Result<std::vector<Write>> item_writes(std::span<const LimitGroup> groups, const std::string& file, const std::string& value) {
  TRY(check_name(file));
  if (std::string path = find_file(groups, file); !path.empty()) return std::vector<Write>{{std::move(path), value, {}}};
  for (const Direction& direction : kDirections) {
    const Settings files = carriers(file, direction.there);
    if (files.empty() || place_of(groups, files.front()).empty()) continue;
    const auto pieces = pieces_of({file, value, {}}, now_in_words_of(groups, file, direction), direction.there);
    if (!pieces) {
      return fail(
          Error::message(strings::cat("'", value, "' of ", file, " has no equivalent in cgroup ", direction.to_v1 ? "v1" : "v2"))
              .hint(strings::cat("write ", files.front().file, ", which this host has")));
    }
    std::vector<Write> writes;
    for (const Setting& piece : *pieces) {
      std::string path = place_of(groups, piece);
      if (path.empty()) return fail(no_such_file(groups, piece.file));
      writes.push_back({std::move(path), piece.value, {}});
    }
    return writes;
  }
  return fail(no_such_file(groups, file));
}

Result<std::uint32_t> write_device_rule(const std::string& directory, const DeviceRule& rule) {
  DevicePolicy before;
  const std::string list = TRY(sys::read_file(directory + "/devices.list"));
  for (const std::string_view line : strings::split(strings::trim(list), '\n')) {
    if (!line.empty()) add_rule(before, TRY(parse_device_rule(true, line)));
  }
  TRY(sys::write_attribute(directory + (rule.allow ? "/devices.allow" : "/devices.deny"), rule_text(rule)));
  return changed_accesses(before, rule);
}

}  // namespace berth::cgroup
