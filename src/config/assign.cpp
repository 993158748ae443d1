// Runs in: the command or library caller that reads configuration.
#include "config/assign.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "config/codecs.hpp"
#include "config/legacy.hpp"

namespace berth::config {
namespace {

Error legacy_error(std::string_view name, const LegacyKey& legacy, std::string_view file) {
  const std::string target = file.empty() ? "FILE" : std::string(file);
  if (legacy.replacement.empty()) {
    return Error::message(strings::cat("\"", name, "\" was removed from the configuration language"))
        .hint(strings::cat("delete the line, or let `lxc-update-config -c ", target, "` do it"));
  }
  return Error::message(strings::cat("\"", name, "\" is the old name of \"", legacy.replacement, "\""))
      .hint(strings::cat("`lxc-update-config -c ", target, "` rewrites the file with the new names"));
}

Error unknown_key(std::string_view name) {
  Error error = Error::message(strings::cat("unknown key \"", name, "\""));
  const std::string near = nearest_key(name);
  if (near.empty()) return std::move(error).hint("lxc.container.conf(5) lists the keys");
  return std::move(error).hint(strings::cat("did you mean \"", near, "\"?"));
}

Status takes_no_value(const KeyRef& ref, const Assignment& assignment) {
  const bool open = ref.key->is(kPrefix) && ref.name != "lxc.net" && !ref.name.starts_with("lxc.net.");
  const std::string_view example = open ? "a name behind it, as in \"KEY.NAME = VALUE\"" : "no value: it only clears";
  return fail(bad_value(assignment, example));
}

}  // namespace

Result<KeyRef> resolve_key(std::string_view name, std::string_view file) {
  const KeyRef ref = find_key(name);
  if (ref.key != nullptr) {
    if (ref.key->codec.check_name != nullptr && !ref.sub.empty()) TRY(ref.key->codec.check_name(ref));
    return ref;
  }
  if (const auto legacy = find_legacy(name)) return fail(legacy_error(name, *legacy, file));
  return fail(unknown_key(name));
}

void clear(Conf& conf, const KeyRef& ref) {
  // The two exclude each other, and clearing either clears both.
  if (ref.name == "lxc.cap.drop") conf.list_origins.erase("lxc.cap.keep");
  if (ref.name == "lxc.cap.keep") conf.list_origins.erase("lxc.cap.drop");
  if (ref.key->codec.clear != nullptr) ref.key->codec.clear(conf, ref);
  if (const auto found = conf.origins.find(ref.name); found != conf.origins.end()) conf.origins.erase(found);
  std::erase_if(conf.list_origins, [&](const auto& entry) {
    const std::string_view name = entry.first;
    return name.starts_with(ref.name) && (name.size() == ref.name.size() || name[ref.name.size()] == '.');
  });
}

std::vector<Origin> Conf::origins_of(std::string_view key) const {
  if (const auto found = list_origins.find(key); found != list_origins.end()) return found->second;
  const Origin single = origin(key);
  return single.known() ? std::vector<Origin>{single} : std::vector<Origin>{};
}

Status assign(Conf& conf, const KeyRef& ref, std::string_view value, const Origin& origin, unsigned column) {
  const Key& key = *ref.key;
  if (value.empty() && !key.is(kEmptyIsZero)) {
    clear(conf, ref);
    return {};
  }
  const Assignment assignment{ref, value.empty() ? "0" : value, origin, column};
  const bool is_network = !ref.sub.empty() && key.name == "lxc.net";
  if (key.is(kValueless) || is_network || (key.is(kPrefix) && ref.sub.empty())) return takes_no_value(ref, assignment);
  TRY(key.codec.set(conf, assignment));
  if (key.is(kList) || key.is(kPrefix) || key.name.starts_with("lxc.net.")) {
    conf.list_origins[std::string(ref.name)].push_back(origin);
    return {};
  }
  const auto found = conf.origins.find(ref.name);
  if (found != conf.origins.end())
    found->second = origin;
  else
    conf.origins.emplace(ref.name, origin);
  return {};
}

}  // namespace berth::config
