// Runs in: the command that rewrites configuration files.
#include "config/update.hpp"

#include "base/strings.hpp"
#include "config/legacy.hpp"
#include "config/line.hpp"

namespace berth::config {
namespace {

constexpr std::string_view kRoot = "lxc.rootfs";
constexpr std::string_view kBackend = "lxc.rootfs.backend";
constexpr std::string_view kNetwork = "lxc.network";
constexpr std::string_view kDefaultBackend = "dir";

class Updater {
 public:
  explicit Updater(std::string name) : name_(std::move(name)) {}

  Result<Updated> run(std::string_view text) {
    backend_ = TRY(find_backend(text));
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

  // The last one counts, as it did.
  Result<std::string> find_backend(std::string_view text) const {
    std::string backend{kDefaultBackend};
    unsigned number = 0;
    for (const std::string_view line : strings::split(text, '\n')) {
      const Line parsed = TRY(read(line, ++number));
      if (parsed.assignment && parsed.key == kBackend && !parsed.value.empty()) backend = parsed.value;
    }
    return backend;
  }

  // Empty: the line goes.
  Result<std::string> update_line(std::string_view line, unsigned number) {
    const Line parsed = TRY(read(line, number));
    const auto legacy = parsed.assignment ? find_legacy(parsed.key) : std::nullopt;
    if (!legacy) return std::string(line);
    if (legacy->replacement.empty()) return std::string{};
    const auto key_at = static_cast<std::size_t>(parsed.key.data() - line.data());
    std::string updated =
        strings::cat(line.substr(0, key_at), replacement(parsed, *legacy), line.substr(key_at + parsed.key.size()));
    if (parsed.key == kRoot && !parsed.value.empty()) add_backend(updated, parsed);
    return updated;
  }

  // Numbers what had its number from its place in the file.
  std::string replacement(const Line& line, const LegacyKey& legacy) {
    if (line.key == kNetwork && line.value.empty()) networks_ = 0;
    if (!line.key.starts_with(kNetwork) || line.key.size() == kNetwork.size()) return legacy.replacement;
    const std::string_view rest = line.key.substr(kNetwork.size() + 1);
    if (rest.empty() || (rest.front() >= '0' && rest.front() <= '9')) return legacy.replacement;
    if (rest == "type") ++networks_;
    const std::string_view below = std::string_view(legacy.replacement).substr(std::string_view("lxc.net.0").size());
    return strings::cat("lxc.net.", networks_ == 0 ? 0 : networks_ - 1, below);
  }

  void add_backend(std::string& line, const Line& parsed) const {
    if (!parsed.value.starts_with('/')) return;  // it names its type already
    line.replace(line.rfind(parsed.value), parsed.value.size(), strings::cat(backend_, ':', parsed.value));
  }

  std::string name_;
  std::string backend_;
  unsigned networks_ = 0;  // blocks without a number so far
};

}  // namespace

Result<Updated> update_names(std::string_view text, const std::string& name) { return Updater(name).run(text); }

}  // namespace berth::config
