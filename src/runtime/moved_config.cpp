// Runs in: the commands that copy or rename a container.
#include "runtime/moved_config.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.hpp"
#include "config/mount_layers.hpp"
#include "config/network_values.hpp"
#include "config/parser.hpp"
#include "config/rewrite.hpp"
#include "config/unexpanded.hpp"
#include "os/paths.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kRoot = "lxc.rootfs.path", kName = "lxc.uts.name", kInclude = "lxc.include";
constexpr std::string_view kManaged = "lxc.rootfs.managed", kMountEntry = "lxc.mount.entry";
constexpr std::string_view kNewAddress = "00:16:3e:xx:xx:xx";
// Files that the container writes by itself: a copy has its own.
constexpr auto kLogKeys = std::to_array<std::string_view>({"lxc.log.file", "lxc.console.logfile"});
// Files that the configuration reads.
constexpr auto kFileKeys = std::to_array<std::string_view>({"lxc.mount.fstab", "lxc.seccomp.profile", kInclude});

bool is_one_of(std::string_view key, const auto& keys) { return std::ranges::find(keys, key) != keys.end(); }

bool is_command(std::string_view key) {
  return key.starts_with("lxc.hook.") || (key.starts_with("lxc.net.") && key.find(".script.") != key.npos);
}

bool is_address(std::string_view key) { return key.starts_with("lxc.net.") && key.ends_with(".hwaddr"); }

bool is_regular_file(const std::string& path) {
  const auto info = sys::stat(path);
  return info && S_ISREG(info->st_mode);
}

bool is_directory(const std::string& path) {
  const auto info = sys::stat(path);
  return info && S_ISDIR(info->st_mode);
}

Result<std::string> new_address() {
  std::string address{kNewAddress};
  TRY(config::fill_hardware_address(address));
  return address;
}

class Mover {
 public:
  Mover(const config::Conf& conf, const ConfigMove& move) : conf_(conf), move_(move) {}

  Result<MovedConfig> run() {
    result_.text = config::rewrite_values(conf_.unexpanded, [this](auto key, auto value) { return edit(key, value); });
    if (failure_) return fail(std::move(*failure_));
    TRY_CONTEXT(override_includes(), "cannot make the configuration of the copy");
    return std::move(result_);
  }

 private:
  std::optional<std::string> edit(std::string_view key, std::string_view value) {
    if (key == kRoot && !move_.rootfs_value.empty()) return move_.rootfs_value;
    if (key == kManaged) return move_.made_root ? std::optional<std::string>("1") : std::nullopt;
    if (key == kName) return move_.name.empty() ? std::nullopt : std::optional(move_.name);
    if (is_address(key)) return move_.new_hwaddr ? made_address() : std::nullopt;
    const bool one_path = is_one_of(key, kLogKeys) || is_one_of(key, kFileKeys);
    if (one_path) return moved(key, value);
    const std::string_view separators = key == kRoot ? ":" : strings::kBlanks;
    return config::rewrite_words(value, separators, [&](std::string_view word) {
      return key == kMountEntry && !word.starts_with('/') ? moved_layers(word) : moved(key, word);
    });
  }

  // What a container writes into is its own: a copy's upper layer is in the copy's directory, where its start makes it.
  std::string moved_layers(std::string_view options) {
    return config::edit_layers_of_field(options, [this](config::Layer layer, const std::string& written) {
      const std::string path = written.starts_with('/') ? by_known_name(os::normalise(written), move_.from) : written;
      const bool own = layer != config::Layer::kLower && os::is_below(path, move_.from);
      if (!own) return moved(kMountEntry, written);
      const std::string target = strings::cat(move_.to, std::string_view(path).substr(move_.from.size()));
      return target == path ? written : target;
    });
  }

  std::optional<std::string> made_address() {
    auto address = new_address();
    if (address) return std::move(*address);
    failure_ = std::move(address.error());
    return std::nullopt;
  }

  // A path may be written with more slashes than it needs, or with "..".
  std::string moved(std::string_view key, std::string_view written) {
    if (!written.starts_with('/')) return std::string(written);
    const std::string path = by_known_name(os::normalise(written), move_.from);
    const std::string target = moved_normalised(key, path);
    return target == path ? std::string(written) : target;
  }

  std::string moved_normalised(std::string_view key, std::string_view path) {
    if (!move_.from_root.empty() && os::is_below(path, move_.from_root))
      return strings::cat(move_.to_root, path.substr(move_.from_root.size()));
    if (!os::is_below(path, move_.from)) return std::string(path);
    std::string target = strings::cat(move_.to, path.substr(move_.from.size()));
    if (move_.everything || is_one_of(key, kLogKeys)) return target;
    if (!is_command(key) && !is_one_of(key, kFileKeys)) return std::string(path);
    if (is_regular_file(std::string(path))) return with_file(std::string(path), std::move(target));
    return key == kInclude && is_directory(std::string(path)) ? with_directory(std::string(path), target) : std::string(path);
  }

  std::string with_file(std::string path, std::string target) {
    const std::pair file{std::move(path), target};
    if (std::ranges::find(result_.files, file) == result_.files.end()) result_.files.push_back(file);
    return target;
  }

  // An included directory: what is read of it. It is among the files itself, for it must be there even when that is nothing.
  std::string with_directory(const std::string& path, const std::string& target) {
    with_file(path, target);
    auto entries = sys::list_directory(path);
    if (!entries) failure_ = std::move(entries.error()).context("cannot copy a directory that the configuration includes");
    if (!entries) return path;
    for (const auto& entry : *entries) {
      const std::string file = strings::cat(path, "/", entry.name);
      if (is_regular_file(file)) with_file(file, strings::cat(target, "/", entry.name));
    }
    return target;
  }

  // --- what stands in files that the text includes ---------------------------------------------------------------------------
  // With the included files of the old directory: those of the new one are not there yet.
  [[nodiscard]] Result<config::Conf> read_back() const {
    const auto back = [this](std::string_view key, std::string_view value) -> std::optional<std::string> {
      if (key != kInclude || !os::is_below(value, move_.to)) return std::nullopt;
      return strings::cat(move_.from, value.substr(move_.to.size()));
    };
    config::Conf conf;
    TRY(config::load_text(conf, config::rewrite_values(result_.text, back), move_.from + "/config"));
    return conf;
  }

  static std::string root_of(const config::Conf& conf) {
    return conf.rootfs.type.empty() ? conf.rootfs.path : strings::cat(conf.rootfs.type, ":", conf.rootfs.path);
  }

  std::string moved_root() {
    return config::rewrite_words(root_of(conf_), ":", [this](std::string_view word) { return moved(kRoot, word); });
  }

  Status override_includes() {
    const config::Conf conf = TRY(read_back());
    const std::string root = root_of(conf);
    const std::string wanted = move_.rootfs_value.empty() ? moved_root() : move_.rootfs_value;
    if (!wanted.empty() && root != wanted) append(kRoot, wanted);
    if (move_.made_root && !conf.rootfs.managed) append(kManaged, "1");
    if (!move_.name.empty() && conf.uts_name != move_.name) append(kName, move_.name);
    return move_.new_hwaddr ? override_addresses(conf) : Status{};
  }

  static std::string address_of(const config::Conf& conf, unsigned index) {
    return config::get_item(conf, strings::cat("lxc.net.", index, ".hwaddr")).value_or("");
  }

  Status override_addresses(const config::Conf& now) {
    for (const auto& network : conf_.networks) {
      const std::string old = address_of(conf_, network.index);
      if (old.empty() || old != address_of(now, network.index)) continue;
      append(strings::cat("lxc.net.", network.index, ".hwaddr"), TRY(new_address()));
    }
    return {};
  }

  void append(std::string_view key, std::string_view value) { config::append_line(result_.text, key, value); }

  const config::Conf& conf_;
  const ConfigMove& move_;
  MovedConfig result_;
  std::optional<Error> failure_;
};

}  // namespace

std::string by_known_name(std::string path, const std::string& directory) {
  if (os::is_below(path, directory)) return path;
  const std::string name = strings::cat("/", os::last_component(directory));
  for (std::size_t at = path.find(name); at != path.npos; at = path.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if (end != path.size() && path[end] != '/') continue;
    const auto there = sys::stat(path.substr(0, end)), own = sys::stat(directory);
    if (there && own && there->st_dev == own->st_dev && there->st_ino == own->st_ino)
      return strings::cat(directory, std::string_view(path).substr(end));
  }
  return path;
}

Result<MovedConfig> move_config(const config::Conf& conf, const ConfigMove& move) { return Mover(conf, move).run(); }

}  // namespace berth::runtime
