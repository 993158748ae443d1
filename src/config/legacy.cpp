// Runs in: the command or library caller that reads configuration.
#include "config/legacy.hpp"

#include <array>

#include "base/strings.hpp"

namespace berth::config {
namespace {

struct Rename {
  std::string_view old_name, new_name;  // new_name empty: removed
};

constexpr std::array kRenames = std::to_array<Rename>({
    {"lxc.rootfs", "lxc.rootfs.path"},
    {"lxc.id_map", "lxc.idmap"},
    {"lxc.pts", "lxc.pty.max"},
    {"lxc.tty", "lxc.tty.max"},
    {"lxc.devttydir", "lxc.tty.dir"},
    {"lxc.aa_profile", "lxc.apparmor.profile"},
    {"lxc.aa_allow_incomplete", "lxc.apparmor.allow_incomplete"},
    {"lxc.se_context", "lxc.selinux.context"},
    {"lxc.mount", "lxc.mount.fstab"},
    {"lxc.utsname", "lxc.uts.name"},
    {"lxc.seccomp", "lxc.seccomp.profile"},
    {"lxc.console", "lxc.console.path"},
    {"lxc.haltsignal", "lxc.signal.halt"},
    {"lxc.rebootsignal", "lxc.signal.reboot"},
    {"lxc.stopsignal", "lxc.signal.stop"},
    {"lxc.syslog", "lxc.log.syslog"},
    {"lxc.loglevel", "lxc.log.level"},
    {"lxc.logfile", "lxc.log.file"},
    {"lxc.init_cmd", "lxc.init.cmd"},
    {"lxc.init_uid", "lxc.init.uid"},
    {"lxc.init_gid", "lxc.init.gid"},
    {"lxc.rootfs.backend", ""},
    {"lxc.pivotdir", ""},
    {"lxc.kmsg", ""},
});

// "type" -> "0.type", "1.ipv4" -> "1.ipv4.address".
std::string network_name(std::string_view rest) {
  if (rest.empty()) return "lxc.net";
  const std::size_t dot = rest.find('.');
  const bool indexed = std::min(rest.find_first_not_of("0123456789"), rest.size()) == std::min(dot, rest.size()) && dot != 0;
  std::string name = indexed ? strings::cat("lxc.net.", rest) : strings::cat("lxc.net.0.", rest);
  if (name.ends_with(".ipv4") || name.ends_with(".ipv6")) name += ".address";
  return name;
}

// What follows `family` in `key`, without the dot; nothing when `key` is not of the family.
std::optional<std::string_view> below(std::string_view key, std::string_view family) {
  if (!key.starts_with(family)) return std::nullopt;
  key.remove_prefix(family.size());
  if (key.empty()) return key;
  if (key.front() != '.') return std::nullopt;
  return key.substr(1);
}

}  // namespace

std::optional<LegacyKey> find_legacy(std::string_view key) {
  for (const Rename& rename : kRenames) {
    if (rename.old_name == key) return LegacyKey{std::string(rename.new_name)};
  }
  if (const auto rest = below(key, "lxc.network")) return LegacyKey{network_name(*rest)};
  if (const auto rest = below(key, "lxc.limit")) {
    return LegacyKey{rest->empty() ? "lxc.prlimit" : strings::cat("lxc.prlimit.", *rest)};
  }
  return std::nullopt;
}

}  // namespace berth::config
