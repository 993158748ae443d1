// Runs in: the command or library caller; all_items also in the caller that prepares the monitor's plan.
#include <algorithm>
#include <cerrno>

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

// The names below an open prefix that have a line, in their order: "core" and "nofile" of lxc.prlimit.
template <typename Visit>
void each_name_below(const Conf& conf, const Key& key, const Visit& visit) {
  const auto starts_below = [&](std::string_view name) {
    return name.size() > key.name.size() + 1 && name.starts_with(key.name) && name[key.name.size()] == '.';
  };
  for (auto at = conf.list_origins.lower_bound(key.name); at != conf.list_origins.end() && at->first.starts_with(key.name);
       ++at) {
    if (starts_below(at->first)) visit(std::string_view(at->first));
  }
}

void add_item(std::vector<std::pair<std::string, std::string>>& items, const Conf& conf, const KeyRef& ref) {
  if (ref.key == nullptr || ref.key->codec.get == nullptr) return;
  auto value = written_text([&](TextWriter& out) { return ref.key->codec.get(conf, ref, out); });
  if (value && !value->empty()) items.emplace_back(ref.name, std::move(*value));
}

void add_networks(std::vector<std::pair<std::string, std::string>>& items, const Conf& conf) {
  for (const NetworkConf& network : conf.networks) {
    for (const Key& key : network_keys()) {
      if (!type_has_subkey(network.type, network_subkey(key))) continue;
      const std::string name = strings::cat("lxc.net.", network.index, '.', network_subkey(key));
      add_item(items, conf, find_key(name));
    }
  }
}

void add_below(std::vector<std::pair<std::string, std::string>>& items, const Conf& conf, const Key& key) {
  if (key.name == "lxc.net") return add_networks(items, conf);
  if (key.is(kPrefix)) each_name_below(conf, key, [&](std::string_view name) { add_item(items, conf, find_key(name)); });
}

// The row of a key that can be asked for a value.
Result<KeyRef> readable(std::string_view key) {
  const KeyRef ref = TRY(resolve_key(key, {}));
  if (ref.key->is(kInclude)) return fail(strings::cat(key, " is an action and has no value"), ENOSYS);
  if (ref.key->codec.get == nullptr) return fail(strings::cat(key, " has no value of its own"));
  return ref;
}

void write_all_keys(TextWriter& out) {
  for (const KeySection& section : key_sections()) {
    for (const Key& key : section.keys) out.add(key.name, '\n');
  }
}

Error nothing_below(std::string_view prefix) { return Error::message(strings::cat("there is no key below ", prefix)); }

// `rest`: what follows "lxc.net.". As in LXC, anything may follow the number.
Status write_network_keys(const Conf& conf, std::string_view rest, TextWriter& out) {
  const auto index = strings::parse_number<unsigned>(rest.substr(0, rest.find('.')));
  const auto network =
      std::ranges::find_if(conf.networks, [&](const NetworkConf& known) { return index && known.index == *index; });
  if (network == conf.networks.end()) return fail(Error::message(strings::cat("there is no network lxc.net.", rest)));
  for (const Key& key : network_keys()) {
    if (type_has_subkey(network->type, network_subkey(key))) out.add(network_subkey(key), '\n');
  }
  return {};
}

Status write_keys(const Conf& conf, std::string_view prefix, TextWriter& out) {
  constexpr std::string_view kNetworks = "lxc.net.";
  if (prefix.empty()) {
    write_all_keys(out);
    return {};
  }
  if (prefix.size() > kNetworks.size() && prefix.starts_with(kNetworks)) {
    return write_network_keys(conf, prefix.substr(kNetworks.size()), out);
  }
  if (prefix == "lxc.net") {
    for (const NetworkConf& network : conf.networks) out.add(network.index, '\n');
  }
  bool known = prefix == "lxc.net";
  for (const KeySection& section : key_sections()) {
    for (const Key& key : section.keys) {
      const bool is_prefix = key.name == prefix && key.is(kPrefix) && key.name != "lxc.net";
      const bool is_below = key.name.size() > prefix.size() + 1 && key.name.starts_with(prefix) && key.name[prefix.size()] == '.';
      known = known || is_prefix || is_below;
      if (is_below) out.add(key.name.substr(prefix.size() + 1), '\n');
      if (is_prefix) each_name_below(conf, key, [&](std::string_view name) { out.add(name.substr(prefix.size() + 1), '\n'); });
    }
  }
  if (!known) return fail(nothing_below(prefix));
  return {};
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
  const bool is_include = ref->key->is(kInclude) && !value.empty();
  auto done = is_include ? include(conf, value, origin) : assign(conf, *ref, written, origin, 0);
  if (!done) return fail(with_origin(std::move(done.error()), origin));
  if (value.empty()) remove_lines(conf.unexpanded, key, covers_subkeys(*ref));
  const bool keep_line = !value.empty() || ref->key->is(kEmptyIsZero);
  if (keep_line) append_line(conf.unexpanded, key, written);
  return {};
}

Status clear_item(Conf& conf, std::string_view key) {
  const KeyRef ref = TRY(resolve_key(key, {}));
  const auto is_meant = [&](const NetworkConf& network) { return network.index == ref.index; };
  if (ref.key->name.starts_with("lxc.net.N.") && std::ranges::none_of(conf.networks, is_meant)) {
    return fail(Error::message(strings::cat("there is no network lxc.net.", ref.index)));
  }
  clear(conf, ref);
  remove_lines(conf.unexpanded, key, covers_subkeys(ref));
  return {};
}

Result<std::string> get_item(const Conf& conf, std::string_view key) {
  const KeyRef ref = TRY(readable(key));
  return written_text([&](TextWriter& out) { return ref.key->codec.get(conf, ref, out); });
}

Result<std::size_t> copy_item(const Conf& conf, std::string_view key, std::span<char> room) {
  const KeyRef ref = TRY(readable(key));
  return write_into(room, [&](TextWriter& out) { return ref.key->codec.get(conf, ref, out); });
}

Result<std::string> keys_text(const Conf& conf, std::string_view prefix) {
  return written_text([&](TextWriter& out) { return write_keys(conf, prefix, out); });
}

Result<std::size_t> copy_keys(const Conf& conf, std::string_view prefix, std::span<char> room) {
  return write_into(room, [&](TextWriter& out) { return write_keys(conf, prefix, out); });
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
