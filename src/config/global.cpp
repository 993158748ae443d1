// Runs in: every command and library caller, once a process.
#include "config/global.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <optional>

#include "base/strings.hpp"
#include "config/global_text.hpp"
#include "config/line.hpp"
#include "sys/file.hpp"

namespace berth::config {
namespace {

constexpr std::array<std::string_view, 9> kKeys = {"lxc.default_config",     "lxc.lxcpath",       "lxc.bdev.lvm.vg",
                                                   "lxc.bdev.lvm.thin_pool", "lxc.bdev.zfs.root", "lxc.bdev.rbd.rbdpool",
                                                   "lxc.bdev.rbd.rbduser",   "lxc.cgroup.use",    "lxc.cgroup.pattern"};

bool is_known(std::string_view key) { return std::ranges::find(kKeys, key) != kKeys.end(); }

Result<std::string> home() {
  const char* directory = std::getenv("HOME");
  if (directory != nullptr && directory[0] == '/') return std::string(directory);
  return fail(Error::message("the variable HOME does not name a directory").hint("set HOME to your home directory"));
}

// For root, and for everybody else below the home directory.
Result<std::string> place(std::string_view for_root, std::string_view below_home) {
  if (::geteuid() == 0) return std::string(for_root);
  return strings::cat(TRY(home()), "/", below_home);
}

using Values = std::map<std::string, std::string, std::less<>>;

Result<Values> read_values() {
  const std::string path = TRY(place("/etc/lxc/lxc.conf", ".config/lxc/lxc.conf"));
  auto text = sys::read_file(path);
  if (text) return parse_global(*text);
  if (text.error().code() == ENOENT) return Values{};
  return fail(std::move(text.error()).context("reading the global configuration"));
}

const Result<Values>& values() {
  static const Result<Values> read = read_values();
  return read;
}

// Nothing: the key has no default.
Result<std::optional<std::string>> default_value(std::string_view key) {
  if (key == "lxc.lxcpath") return TRY(place("/var/lib/lxc", ".local/share/lxc"));
  if (key == "lxc.default_config") return TRY(place("/etc/lxc/default.conf", ".config/lxc/default.conf"));
  if (key == "lxc.bdev.rbd.rbduser" || key.starts_with("lxc.cgroup.")) return std::nullopt;
  return "lxc";
}

Result<std::optional<std::string>> lookup(std::string_view key) {
  if (!is_known(key)) {
    Error error = Error::message(strings::cat("unknown key \"", key, "\" of lxc.conf"));
    const auto near = strings::nearest(key, kKeys);
    return fail(near ? std::move(error).hint(strings::cat("did you mean \"", *near, "\"?")) : std::move(error));
  }
  const auto& read = values();
  if (!read) return fail(Error(read.error()));
  const auto found = read->find(key);
  if (found != read->end()) return found->second;
  return default_value(key);
}

}  // namespace

std::map<std::string, std::string, std::less<>> parse_global(std::string_view text) {
  Values values;
  for (const std::string_view raw : strings::split(text, '\n')) {
    const auto line = read_line(raw);
    if (!line || !line->assignment || line->value.empty() || !is_known(line->key)) continue;
    std::string value{line->value};
    if (line->key == "lxc.lxcpath") value = value.substr(0, std::max<std::size_t>(1, strings::trim_right(value, "/").size()));
    values.insert_or_assign(std::string(line->key), std::move(value));
  }
  return values;
}

Result<std::string> global_item(std::string_view key) { return TRY(lookup(key)).value_or(""); }

Result<bool> global_item_is_set(std::string_view key) { return TRY(lookup(key)).has_value(); }

std::vector<std::string_view> global_keys() { return {kKeys.begin(), kKeys.end()}; }

}  // namespace berth::config
