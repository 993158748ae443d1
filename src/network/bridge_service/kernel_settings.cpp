// Runs in: lxc-net.
#include "network/bridge_service/kernel_settings.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::network::bridge_service {
namespace {

constexpr std::string_view kRoot = "/proc/sys/";

// The interfaces that have a directory of switches; "all" and "default" too.
Result<std::vector<std::string>> rows_of(std::string_view family) {
  std::vector<std::string> names;
  for (const sys::DirectoryEntry& entry : TRY(sys::list_directory(strings::cat(kRoot, "net/", family, "/conf"))))
    names.push_back(entry.name);
  return names;
}

// Each interface has a switch of its own, which the one for all overwrites.
Status add_interfaces(std::string_view family, std::vector<SettingChange>& changes) {
  for (const std::string& name : TRY(rows_of(family))) {
    if (name == "all") continue;
    const std::string path = strings::cat("net/", family, "/conf/", name, "/forwarding");
    const auto value = read_setting(path);
    if (!value && value.error().code() == ENOENT) continue;  // went meanwhile
    if (!value) return fail(value.error());
    if (*value != "1") continue;
    changes.push_back({path, *value, "1"});
  }
  return {};
}

}  // namespace

Result<std::string> read_setting(const std::string& path) {
  const std::string text = TRY(sys::read_file(strings::cat(kRoot, path)));
  return std::string(strings::trim(text));
}

Status write_setting(const std::string& path, std::string_view value) {
  return sys::write_attribute(strings::cat(kRoot, path), value);
}

Result<bool> ipv6_available() {
  const auto off = read_setting("net/ipv6/conf/all/disable_ipv6");
  if (!off && off.error().code() == ENOENT) return false;
  if (!off) return fail(off.error());
  return *off == "0";
}

Result<std::vector<SettingChange>> plan_forwarding4() {
  std::vector<SettingChange> changes;
  constexpr std::string_view kSwitch = "net/ipv4/ip_forward";
  const std::string now = TRY(read_setting(std::string(kSwitch)));
  if (now == "1") return changes;
  constexpr std::string_view kRedirects = "net/ipv4/conf/all/accept_redirects";  // goes to 0 with it, and back to 1
  const std::string redirects = TRY(read_setting(std::string(kRedirects)));
  TRY(add_interfaces("ipv4", changes));
  changes.push_back({std::string(kRedirects), redirects, "0"});
  changes.push_back({std::string(kSwitch), now, "1"});
  return changes;
}

Result<std::vector<SettingChange>> plan_forwarding6(std::string_view bridge) {
  std::vector<SettingChange> changes;
  const std::string kSwitch = "net/ipv6/conf/all/forwarding";
  const std::string now = TRY(read_setting(kSwitch));
  if (now == "1") return changes;
  for (const std::string& name : TRY(rows_of("ipv6"))) {
    const std::string path = strings::cat("net/ipv6/conf/", name, "/accept_ra");
    const auto value = read_setting(path);
    if (!value && value.error().code() == ENOENT) continue;
    if (!value) return fail(value.error());
    const bool real = name != "all" && name != "default" && name != "lo" && name != bridge;
    if (*value == "1" && real) changes.push_back({path, *value, "2"});
  }
  TRY(add_interfaces("ipv6", changes));
  changes.push_back({kSwitch, now, "1"});
  return changes;
}

Result<std::vector<SettingChange>> plan_bridge(std::string_view bridge, bool ipv6) {
  std::vector<SettingChange> changes;
  const std::string row = strings::cat("net/ipv6/conf/", bridge, '/');
  const auto want = [&](std::string_view name) -> Status {
    const auto now = read_setting(row + std::string(name));
    if (!now && now.error().code() == ENOENT) return {};  // a kernel without IPv6
    if (!now) return fail(now.error());
    if (*now != "0") changes.push_back({row + std::string(name), *now, "0"});
    return {};
  };
  TRY(want("accept_ra"));
  TRY(want("autoconf"));
  if (ipv6) TRY(want("disable_ipv6"));
  return changes;
}

Result<std::vector<SettingChange>> plan_bridge_forwarding(std::string_view bridge, bool ipv6) {
  std::vector<SettingChange> changes;
  for (const std::string_view family : {"ipv4", "ipv6"}) {
    if (family == "ipv6" && !ipv6) continue;
    const std::string path = strings::cat("net/", family, "/conf/", bridge, "/forwarding");
    const std::string now = TRY(read_setting(path));
    if (now != "1") changes.push_back({path, now, "1"});
  }
  return changes;
}

Status restore_settings(const std::vector<SettingChange>& changes) {
  // All are read first: the kernel turns some of them with others.
  std::vector<const SettingChange*> ours;
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    const auto now = read_setting(change->path);
    if (!now && now.error().code() != ENOENT) return fail(now.error());
    if (now && *now == change->value) ours.push_back(&*change);
  }
  for (const SettingChange* change : ours) TRY(write_setting(change->path, change->before));
  return {};
}

}  // namespace berth::network::bridge_service
