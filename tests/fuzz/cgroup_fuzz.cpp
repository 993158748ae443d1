// The parsers of what the kernel and the configuration say about cgroups: any text is answered, none is a crash, and a
// translated value names a file.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/stats.hpp"

namespace {

using berth::cgroup::Setting;

void check(const std::optional<std::vector<Setting>>& translated) {
  if (!translated) return;
  for (const auto& one : *translated) {
    if (one.file.empty() || one.file.find('/') != std::string::npos) std::abort();
  }
}

void translate(std::string_view text) {
  std::vector<Setting> settings;
  for (const auto line : berth::strings::split_words(text, "\n")) {
    const auto equal = line.find('=');
    if (equal == std::string_view::npos) continue;
    const auto file = berth::strings::trim(line.substr(0, equal));
    if (file.find('/') != std::string_view::npos) continue;
    settings.push_back({std::string(file), std::string(line.substr(equal + 1)), {}});
  }
  for (const auto& one : settings) {
    check(berth::cgroup::translate_to_v2(one, settings));
    check(berth::cgroup::translate_to_v1(one, settings));
  }
}

void parse(std::string_view mountinfo, std::string_view groups) {
  auto hierarchies = berth::cgroup::parse_mounts(mountinfo);
  berth::cgroup::assign_own_paths(hierarchies, groups);
  for (const auto& one : hierarchies) {
    if (!one.own_path.starts_with('/') || one.own_path.find("/../") != std::string::npos) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto half = text.find('\f');
  parse(text.substr(0, half), half == std::string_view::npos ? text : text.substr(half + 1));
  translate(text);
  static_cast<void>(berth::cgroup::keyed_value(text, "anon"));
  return 0;
}
