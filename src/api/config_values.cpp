// Runs in: a program that links libberth.
#include <sys/resource.h>

#include <algorithm>

#include "api/config_impl.hpp"
#include "base/strings.hpp"
#include "config/mount_entry.hpp"
#include "config/parser.hpp"

namespace berth::api {
namespace {

using config::Conf;
using strings::cat;

// --- mounts ----------------------------------------------------------------------------------------------------------------

// fstab(5): what would end a field is written in octal.
std::string escaped(std::string_view field) {
  std::string text;
  for (const char c : field) {
    switch (c) {
      case ' ':
        text += "\\040";
        break;
      case '\t':
        text += "\\011";
        break;
      case '\n':
        text += "\\012";
        break;
      case '\\':
        text += "\\134";
        break;
      default:
        text += c;
    }
  }
  return text;
}

berth::Result<MountEntry> read_mount(const std::string& line) {
  auto parsed = TRY(config::parse_mount_entry(line));
  const auto fields = strings::split_words(line);
  return MountEntry{std::move(parsed.source), std::move(parsed.target), std::move(parsed.type),
                    fields.size() > 3 ? std::string(fields[3]) : std::string()};
}

// A field without text would make the next one stand in its place.
berth::Result<std::string> mount_line(const MountEntry& mount) {
  if (mount.source.empty() || mount.target.empty()) return berth::fail("a mount needs a source and a target");
  return cat(escaped(mount.source), ' ', escaped(mount.target), ' ', escaped(mount.type.empty() ? "none" : mount.type), ' ',
             escaped(mount.options.empty() ? "defaults" : mount.options), " 0 0");
}

// --- networks --------------------------------------------------------------------------------------------------------------

void read_network_value(Network& network, const std::string& subkey, const std::string& value) {
  if (subkey == "link")
    network.link = value;
  else if (subkey == "name")
    network.name = value;
  else if (subkey == "hwaddr")
    network.hardware_address = value;
  else if (subkey == "mtu")
    network.mtu = strings::parse_number<unsigned>(value);
  else if (subkey == "flags")
    network.up = value == "up";
  else if (subkey == "ipv4.address")
    network.ipv4_addresses.push_back(value);
  else if (subkey == "ipv6.address")
    network.ipv6_addresses.push_back(value);
  else if (subkey == "ipv4.gateway")
    network.ipv4_gateway = value;
  else if (subkey == "ipv6.gateway")
    network.ipv6_gateway = value;
  else
    network.more_values.emplace_back(subkey, value);
}

using Values = std::vector<std::pair<std::string, std::string>>;

Values values_of(const Network& network) {
  Values values;
  const auto add = [&](std::string_view subkey, const std::string& value) {
    if (!value.empty()) values.emplace_back(subkey, value);
  };
  add("link", network.link);
  add("name", network.name);
  add("hwaddr", network.hardware_address);
  if (network.mtu) add("mtu", cat(*network.mtu));
  if (network.up) add("flags", "up");
  for (const auto& address : network.ipv4_addresses) add("ipv4.address", address);
  for (const auto& address : network.ipv6_addresses) add("ipv6.address", address);
  add("ipv4.gateway", network.ipv4_gateway.value_or(""));
  add("ipv6.gateway", network.ipv6_gateway.value_or(""));
  for (const auto& [subkey, value] : network.more_values) add(subkey, value);
  return values;
}

std::string network_key(unsigned index) { return cat("lxc.net.", index); }

bool has_network(const Conf& conf, unsigned index) {
  return std::ranges::any_of(conf.networks, [&](const auto& network) { return network.index == index; });
}

berth::Status put_network(Conf& conf, const Network& network) {
  const std::string key = network_key(network.index);
  if (network.type.empty()) return berth::fail(cat(key, " needs a type"));
  if (has_network(conf, network.index)) TRY(config::clear_item(conf, key));
  TRY(config::set_item(conf, key + ".type", network.type));
  for (const auto& [subkey, value] : values_of(network)) TRY(config::set_item(conf, cat(key, '.', subkey), value));
  return {};
}

// --- environment, limits ---------------------------------------------------------------------------------------------------

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

berth::Status put_variable(Conf& conf, const std::string& name, const std::string& value) {
  if (name.empty() || name.find('=') != std::string::npos) {
    return berth::fail(cat("'", name, "' cannot be the name of a variable"));
  }
  std::vector<std::string> variables;
  for (const auto& one : conf.environment) {
    if (name_of(one.value) != name) variables.push_back(one.value);
  }
  variables.push_back(cat(name, '=', value));
  TRY(config::clear_item(conf, "lxc.environment"));
  for (const std::string& one : variables) TRY(config::set_item(conf, "lxc.environment", one));
  return {};
}

std::optional<std::uint64_t> limit_of(std::string_view text) { return strings::parse_number<std::uint64_t>(text); }
std::string text_of(const std::optional<std::uint64_t>& limit) { return limit ? cat(*limit) : std::string("unlimited"); }

// "lxc.prlimit.nofile = 1024:4096", or one number for both.
ResourceLimit read_limit(std::string_view line) {
  const std::size_t equals = line.find('=');
  const std::string_view key = strings::trim(line.substr(0, equals));
  const std::string_view value = strings::trim(line.substr(equals + 1));
  const std::size_t colon = value.find(':');
  const std::string_view hard = colon == std::string_view::npos ? value : value.substr(colon + 1);
  return {std::string(key.substr(key.rfind('.') + 1)), limit_of(value.substr(0, colon)), limit_of(hard)};
}

void read_settings(std::vector<CgroupSetting>& settings, int version,
                   const std::vector<config::Sourced<std::pair<std::string, std::string>>>& list) {
  for (const auto& one : list) settings.push_back({version, one.value.first, one.value.second});
}

berth::Status put_setting(Conf& conf, const CgroupSetting& setting) {
  if (setting.version != 1 && setting.version != 2) return berth::fail(cat("control groups have no version ", setting.version));
  if (setting.file.empty()) return berth::fail("no file of the control group was named");
  const std::string key = cat(setting.version == 1 ? "lxc.cgroup." : "lxc.cgroup2.", setting.file);
  const bool adds_up = setting.file.starts_with("devices.") && !setting.value.empty();
  return adds_up ? config::set_item(conf, key, setting.value) : put(conf, key, setting.value);
}

}  // namespace

inline namespace v0 {

std::string Config::host_name() const { return conf_of(impl_).uts_name; }

Status Config::set_host_name(const std::string& name) { return replace("lxc.uts.name", name); }

std::string Config::init_command() const { return conf_of(impl_).init.command; }

Status Config::set_init_command(const std::string& command) { return replace("lxc.init.cmd", command); }

RootFileSystem Config::root_file_system() const {
  const auto& root = conf_of(impl_).rootfs;
  return {root.path, root.type, root.options, root.managed};
}

Status Config::set_root_file_system(const RootFileSystem& root) {
  return changed(impl_, [&](Conf& conf) -> berth::Status {
    const bool typed = !root.type.empty() && !root.path.empty();
    TRY(put(conf, "lxc.rootfs.path", typed ? cat(root.type, ':', root.path) : root.path));
    TRY(put(conf, "lxc.rootfs.options", root.options));
    return put(conf, "lxc.rootfs.managed", root.managed ? "" : "0");
  });
}

Result<std::vector<MountEntry>> Config::mounts() const {
  return bordered([&]() -> berth::Result<std::vector<MountEntry>> {
    std::vector<MountEntry> mounts;
    for (const auto& entry : conf_of(impl_).mounts.entries) mounts.push_back(TRY(read_mount(entry.value)));
    return mounts;
  });
}

Status Config::add_mount(const MountEntry& mount) {
  return changed(impl_,
                 [&](Conf& conf) -> berth::Status { return config::set_item(conf, "lxc.mount.entry", TRY(mount_line(mount))); });
}

std::vector<Network> Config::networks() const {
  std::vector<Network> networks;
  for (const auto& one : conf_of(impl_).networks) {
    Network network;
    network.index = one.index;
    network.type = one.type;
    for (const auto& [subkey, text] : one.values) read_network_value(network, subkey, text.value);
    networks.push_back(std::move(network));
  }
  return networks;
}

Status Config::set_network(const Network& network) {
  return changed(impl_, [&](Conf& conf) -> berth::Status { return put_network(conf, network); });
}

Status Config::remove_network(unsigned index) {
  return changed(impl_, [&](Conf& conf) -> berth::Status {
    if (!has_network(conf, index)) return berth::fail(cat("there is no network ", index), ENOENT);
    return config::clear_item(conf, network_key(index));
  });
}

std::map<std::string, std::optional<std::string>> Config::environment() const {
  std::map<std::string, std::optional<std::string>> variables;
  for (const auto& one : conf_of(impl_).environment) {
    const std::string_view name = name_of(one.value);
    const bool has_value = name.size() < one.value.size();
    variables.insert_or_assign(std::string(name), has_value ? std::optional(one.value.substr(name.size() + 1)) : std::nullopt);
  }
  return variables;
}

Status Config::set_environment(const std::string& name, const std::string& value) {
  return changed(impl_, [&](Conf& conf) -> berth::Status { return put_variable(conf, name, value); });
}

Result<std::vector<ResourceLimit>> Config::resource_limits() const {
  return bordered([&]() -> berth::Result<std::vector<ResourceLimit>> {
    std::vector<ResourceLimit> limits;
    const std::string text = TRY(config::get_item(conf_of(impl_), "lxc.prlimit"));
    for (const std::string_view line : strings::split(text, '\n')) {
      if (!line.empty()) limits.push_back(read_limit(line));
    }
    return limits;
  });
}

Status Config::set_resource_limit(const ResourceLimit& limit) {
  return replace(cat("lxc.prlimit.", limit.name), cat(text_of(limit.soft), ':', text_of(limit.hard)));
}

std::vector<CgroupSetting> Config::cgroup_settings() const {
  std::vector<CgroupSetting> settings;
  read_settings(settings, 1, conf_of(impl_).cgroup.v1);
  read_settings(settings, 2, conf_of(impl_).cgroup.v2);
  return settings;
}

Status Config::set_cgroup(const CgroupSetting& setting) {
  return changed(impl_, [&](Conf& conf) -> berth::Status { return put_setting(conf, setting); });
}

Autostart Config::autostart() const {
  const auto& own = conf_of(impl_).autostart;
  return {own.automatic, own.delay, own.order, own.groups};
}

Status Config::set_autostart(const Autostart& autostart) {
  return changed(impl_, [&](Conf& conf) -> berth::Status {
    TRY(put(conf, "lxc.start.auto", autostart.enabled ? "1" : ""));
    TRY(put(conf, "lxc.start.delay", autostart.delay != 0 ? cat(autostart.delay) : ""));
    TRY(put(conf, "lxc.start.order", autostart.order != 0 ? cat(autostart.order) : ""));
    TRY(put(conf, "lxc.group", ""));
    for (const std::string& group : autostart.groups) TRY(config::set_item(conf, "lxc.group", group));
    return {};
  });
}

}  // namespace v0
}  // namespace berth::api
