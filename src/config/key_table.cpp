// Runs in: the command or library caller that reads configuration.
#include "config/key_table.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/strings.hpp"
#include "config/key_sections.hpp"

namespace berth::config {
namespace {

constexpr std::string_view kNetworkRowPrefix = "lxc.net.N.";

// A command looks for as many names as its configuration has lines: to put the rows in order would take longer.
const Key* exact_key(std::string_view name) {
  const std::uint32_t mark = name_mark(name);
  for (const KeySection& section : key_sections()) {
    for (const Key& key : section.keys) {
      if (key.mark == mark && key.name == name) return &key;
    }
  }
  return nullptr;
}

const Key* network_key(std::string_view subkey) {
  for (const Key& key : network_keys()) {
    if (key.name.substr(kNetworkRowPrefix.size()) == subkey) return &key;
  }
  return nullptr;
}

// "lxc.net.3" and "lxc.net.3.type".
KeyRef find_network_key(std::string_view name, const Key& root) {
  const std::string_view rest = name.substr(root.name.size() + 1);
  const std::size_t dot = rest.find('.');
  const auto index = strings::parse_number<unsigned>(rest.substr(0, dot));
  if (!index || *index >= static_cast<unsigned>(std::numeric_limits<int>::max())) return {};
  if (dot == std::string_view::npos) return {&root, name, rest, *index};
  const Key* key = network_key(rest.substr(dot + 1));
  return key == nullptr ? KeyRef{} : KeyRef{key, name, rest.substr(dot + 1), *index};
}

// lxc.cgroup.CONTROLLER.FILE are control files of version 1. A name without a dot, or below dir, is a misspelt key of ours.
bool is_reserved(const Key& prefix, std::string_view sub) {
  return prefix.name == "lxc.cgroup" && (sub.find('.') == std::string_view::npos || sub.starts_with("dir."));
}

KeyRef find_prefixed_key(std::string_view name) {
  for (std::size_t dot = name.rfind('.'); dot != std::string_view::npos && dot > 0; dot = name.rfind('.', dot - 1)) {
    const Key* key = exact_key(name.substr(0, dot));
    if (key == nullptr || !key->is(kPrefix)) continue;
    const std::string_view sub = name.substr(dot + 1);
    if (key->name == "lxc.net") return find_network_key(name, *key);
    return sub.empty() || is_reserved(*key, sub) ? KeyRef{} : KeyRef{key, name, sub, 0};
  }
  return {};
}

}  // namespace

std::span<const KeySection> key_sections() {
  static const std::array sections = std::to_array<KeySection>({
      {"Root file system", rootfs_keys()},
      {"Mounts", mount_keys()},
      {"Devices, console and terminals", console_keys()},
      {"Control groups", cgroup_keys()},
      {"Namespaces and id maps", namespace_keys()},
      {"Init", init_keys()},
      {"Kernel settings", kernel_keys()},
      {"Hooks", hook_keys()},
      {"Security", security_keys()},
      {"Management", management_keys()},
      {"Network", network_root_keys()},
  });
  return sections;
}

KeyRef find_key(std::string_view name) {
  const Key* key = exact_key(name);
  return key != nullptr ? exact_reference(*key) : find_prefixed_key(name);
}

KeyRef exact_reference(const Key& key) {
  if (key.name == "lxc.namespace.share") return {};  // only with a namespace behind it
  return {&key, key.name, {}, 0};
}

std::string nearest_key(std::string_view name) {
  std::vector<std::string_view> candidates;
  for (const KeySection& section : key_sections()) {
    for (const Key& key : section.keys) candidates.push_back(key.name);
  }
  std::string prefix;
  std::string_view wanted = name;
  if (name.starts_with("lxc.net.")) {  // compare the part after the index only
    const std::size_t dot = name.find('.', 8);
    if (dot == std::string_view::npos) return {};
    prefix = name.substr(0, dot + 1);
    wanted = name.substr(dot + 1);
    candidates.clear();
    for (const Key& key : network_keys()) candidates.push_back(key.name.substr(kNetworkRowPrefix.size()));
  }
  const auto found = strings::nearest(wanted, candidates);
  return found ? prefix + std::string(*found) : std::string{};
}

}  // namespace berth::config
