// Runs in: the command that rewrites configuration files.
#include "config/update.hpp"

#include <set>

#include "base/strings.hpp"
#include "config/legacy.hpp"
#include "config/line.hpp"

namespace berth::config {
namespace {

constexpr std::string_view kRoot = "lxc.rootfs";
constexpr std::string_view kBackend = "lxc.rootfs.backend";
constexpr std::string_view kNetwork = "lxc.network";
constexpr std::string_view kNewRoot = "lxc.rootfs.path";
constexpr std::string_view kNewNetwork = "lxc.net";
constexpr std::string_view kDefaultBackend = "dir";

bool is_number(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == text.npos; }

// What the whole file says, wherever the line stands.
struct Facts {
  std::string backend;            // of lxc.rootfs.backend; the last one counts, as it did
  std::set<std::string> numbers;  // of networks that have one
};

class Updater {
 public:
  explicit Updater(std::string name) : name_(std::move(name)) {}

  Result<Updated> run(std::string_view text) {
    facts_ = TRY(gather(text));
    Updated updated;
    unsigned number = 0;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      const std::string_view ending = end == std::string_view::npos ? "" : "\n";
      text.remove_prefix(line.size() + ending.size());
      const auto after = TRY(update_line(line, ++number));
      if (after == line) {
        updated.text.append(line).append(ending);
        continue;
      }
      if (!after.empty()) updated.text.append(after).append(ending);
      updated.changes.push_back({number, std::string(line), after});
    }
    return updated;
  }

 private:
  Result<Line> read(std::string_view line, unsigned number) const {
    auto parsed = read_line(line);
    if (parsed) return parsed;
    return fail(std::move(parsed.error()).set_by(Origin{name_, number, std::string(strings::trim(line))}));
  }

  Result<Facts> gather(std::string_view text) const {
    Facts facts;
    unsigned number = 0;
    for (const std::string_view line : strings::split(text, '\n')) {
      const Line parsed = TRY(read(line, ++number));
      if (!parsed.assignment) continue;
      if (parsed.key == kBackend) facts.backend = parsed.value;
      for (const std::string_view family : {kNetwork, kNewNetwork}) {
        if (!parsed.key.starts_with(family) || parsed.key.size() <= family.size() + 1) continue;
        const std::string_view rest = parsed.key.substr(family.size() + 1);
        if (const std::string_view first = rest.substr(0, rest.find('.')); is_number(first)) facts.numbers.emplace(first);
      }
    }
    return facts;
  }

  // Empty: the line goes.
  Result<std::string> update_line(std::string_view line, unsigned number) {
    const Line parsed = TRY(read(line, number));
    const auto legacy = parsed.assignment ? find_legacy(parsed.key) : std::nullopt;
    const bool names_root = parsed.assignment && !parsed.value.empty() && (parsed.key == kRoot || parsed.key == kNewRoot);
    if (!legacy) {
      std::string kept(line);
      if (names_root && !facts_.backend.empty()) add_backend(kept, parsed);
      return kept;
    }
    if (legacy->replacement.empty()) return std::string{};
    const auto key_at = static_cast<std::size_t>(parsed.key.data() - line.data());
    std::string updated =
        strings::cat(line.substr(0, key_at), replacement(parsed, *legacy), line.substr(key_at + parsed.key.size()));
    if (names_root) add_backend(updated, parsed);
    return updated;
  }

  // Numbers what had its number from its place in the file; numbers that the file gives itself are taken.
  std::string replacement(const Line& line, const LegacyKey& legacy) {
    if (!line.key.starts_with(kNetwork) || line.key.size() == kNetwork.size()) return legacy.replacement;
    const std::string_view rest = line.key.substr(kNetwork.size() + 1);
    if (rest.empty() || is_number(rest.substr(0, rest.find('.')))) return legacy.replacement;
    if (rest == "type" || present_.empty()) present_ = next_free();
    const std::string_view below = std::string_view(legacy.replacement).substr(std::string_view("lxc.net.0").size());
    return strings::cat(kNewNetwork, ".", present_, below);
  }

  std::string next_free() {
    unsigned number = 0;
    while (facts_.numbers.contains(strings::cat(number))) ++number;
    return *facts_.numbers.insert(strings::cat(number)).first;
  }

  // A value that names its type already stays. So does a device when nothing says what is on it: that is looked at.
  void add_backend(std::string& line, const Line& parsed) const {
    if (!parsed.value.starts_with('/') || (facts_.backend.empty() && parsed.value.starts_with("/dev/"))) return;
    const std::string_view type = facts_.backend.empty() ? kDefaultBackend : std::string_view(facts_.backend);
    line.replace(line.rfind(parsed.value), parsed.value.size(), strings::cat(type, ':', parsed.value));
  }

  std::string name_;
  Facts facts_;
  std::string present_;  // number of the block without one that the lines belong to
};

}  // namespace

Result<Updated> update_names(std::string_view text, const std::string& name) { return Updater(name).run(text); }

}  // namespace berth::config
