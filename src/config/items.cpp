// Runs in: the command or library caller; all_items also in the caller that prepares the monitor's plan.
#include <cerrno>
#include <set>

#include "base/strings.hpp"
#include "config/assign.hpp"
#include "config/network_values.hpp"
#include "config/parser.hpp"
#include "config/unexpanded.hpp"

namespace berth::config {
namespace {

// Removing the bare name also removes what stands below it: lxc.net, lxc.net.0, lxc.hook, lxc.cgroup2, ...
bool covers_subkeys(const KeyRef& ref) {
  if (ref.name == "lxc.hook") return true;
  return ref.key->is(kPrefix) && (ref.sub.empty() || ref.key->name == "lxc.net");
}

Error with_origin(Error error, const Origin& origin) {
  if (origin.known() && !error.origin().known()) return std::move(error).set_by(origin);
  return error;
}

std::vector<std::string> network_subkeys(const Conf& conf, const KeyRef& ref) {
  std::vector<std::string> names;
  for (const NetworkConf& network : conf.networks) {
    if (network.index == ref.index) names = subkeys_of_type(network.type);
  }
  return names;
}

void add_item(std::vector<std::pair<std::string, std::string>>& items, const Conf& conf, const KeyRef& ref) {
  if (ref.key == nullptr || ref.key->codec.get == nullptr) return;
  auto value = ref.key->codec.get(conf, ref);
  if (value && !value->empty()) items.emplace_back(ref.name, std::move(*value));
}

void add_below(std::vector<std::pair<std::string, std::string>>& items, const Conf& conf, const Key& key) {
  if (key.codec.subkeys == nullptr) return;
  for (const std::string& sub : key.codec.subkeys(conf)) {
    const std::string name = strings::cat(key.name, ".", sub);
    if (key.name != "lxc.net") {
      add_item(items, conf, find_key(name));
      continue;
    }
    for (const std::string& subkey : network_subkeys(conf, find_key(name))) {
      const std::string full = strings::cat(name, ".", subkey);
      add_item(items, conf, find_key(full));
    }
  }
}

}  // namespace

Status set_item(Conf& conf, std::string_view key, std::string_view value, const Origin& origin) {
  if (value.find_first_of(std::string_view("\n\0", 2)) != std::string_view::npos) {
    return fail(Error::message(strings::cat("the value of ", key, " holds a line end or a NUL byte")));
  }
  auto ref = resolve_key(key, {});
  if (!ref) return fail(with_origin(std::move(ref.error()), origin));
  std::string written{value};
  if (is_hardware_address(*ref)) {
    if (auto filled = fill_hardware_address(written); !filled) return fail(with_origin(std::move(filled.error()), origin));
  }
  const bool is_include = ref->key->is(kInclude);
  if (is_include && value.empty()) return {};
  auto done = is_include ? include(conf, value, origin) : assign(conf, *ref, written, origin, 0);
  if (!done) return fail(with_origin(std::move(done.error()), origin));
  if (value.empty()) remove_lines(conf.unexpanded, key, covers_subkeys(*ref));
  const bool keep_line = !value.empty() || ref->key->is(kEmptyIsZero);
  if (keep_line) append_line(conf.unexpanded, key, written);
  return {};
}

Status clear_item(Conf& conf, std::string_view key) {
  const KeyRef ref = TRY(resolve_key(key, {}));
  if (ref.key->is(kInclude)) return {};
  clear(conf, ref);
  remove_lines(conf.unexpanded, key, covers_subkeys(ref));
  return {};
}

Result<std::string> get_item(const Conf& conf, std::string_view key) {
  const KeyRef ref = TRY(resolve_key(key, {}));
  if (ref.key->is(kInclude)) return fail(strings::cat(key, " is an action and has no value"), ENOSYS);
  if (ref.key->codec.get == nullptr) return fail(strings::cat(key, " has no value of its own"));
  return ref.key->codec.get(conf, ref);
}

std::vector<std::string> list_keys(const Conf& conf, std::string_view prefix) {
  std::vector<std::string> names;
  const KeyRef exact = prefix.empty() ? KeyRef{} : find_key(prefix);
  if (exact.key != nullptr && exact.key->name == "lxc.net" && !exact.sub.empty()) return network_subkeys(conf, exact);
  if (exact.key != nullptr && exact.key->codec.subkeys != nullptr && exact.sub.empty()) names = exact.key->codec.subkeys(conf);
  const std::string start = prefix.empty() ? std::string{} : strings::cat(prefix, ".");
  for (const KeySection& section : key_sections()) {
    for (const Key& key : section.keys) {
      if (key.name.starts_with(start)) names.emplace_back(key.name.substr(start.size()));
    }
  }
  return names;
}

std::vector<std::pair<std::string, std::string>> all_items(const Conf& conf) {
  std::vector<std::pair<std::string, std::string>> items;
  for (const KeySection& section : key_sections()) {
    for (const Key& key : section.keys) {
      add_item(items, conf, exact_reference(key));
      add_below(items, conf, key);
    }
  }
  return items;
}

bool is_supported(std::string_view key) { return find_key(key).key != nullptr; }

}  // namespace berth::config
