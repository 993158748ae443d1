// Runs in: the command lxc-destroy; the monitor's destroy program of an ephemeral container.
#include "runtime/destroy_check.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "base/strings.hpp"
#include "runtime/dependants.hpp"
#include "runtime/destroy_mark.hpp"
#include "runtime/hold.hpp"
#include "runtime/own_directory.hpp"
#include "runtime/partial.hpp"
#include "runtime/root_owner.hpp"
#include "runtime/snapshot.hpp"
#include "storage/tree/mounts_below.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

// In the order in which they go.
using Going = std::span<const Container>;

bool has(Going containers, const Dependence& one) {
  return std::ranges::any_of(containers, [&](const Container& c) { return same_place({c.lxcpath(), c.name()}, one); });
}

Status check_dependants_go(const Container& container, Going gone) {
  const auto entries = TRY(other_dependants(container));
  const bool all = std::ranges::all_of(entries, [&](const Dependence& one) { return has(gone, one); });
  return all && !entries.empty() ? Status{} : check_dependants(container);
}

// What is no container, or was never complete, lies in its directory alone, as far as can be seen before it is removed.
Result<bool> is_whole(const Container& container) {
  if (TRY(creation_state(container.directory())) == Creation::kCrashed) return false;
  TRY(check_made(container));
  return container.defined();
}

// Nothing: as is_whole() says, or somebody else has destroyed it meanwhile.
Result<std::optional<config::Conf>> conf_of_whole(const Container& container) {
  if (!TRY(is_whole(container))) return std::nullopt;
  auto conf = load_to_go(container);
  if (!conf && !container.defined()) return std::nullopt;
  if (!conf) return fail(std::move(conf.error()));
  return std::move(*conf);
}

// What is mounted from a root that goes is unmounted with it (zfs).
Result<std::vector<std::string>> pool_roots(Going going) {
  std::vector<std::string> paths;
  for (const Container& container : going) {
    const auto conf = TRY(conf_of_whole(container));
    if (conf && conf->rootfs.managed && conf->rootfs.type == "zfs") paths.push_back(conf->rootfs.path);
  }
  return paths;
}

Result<std::vector<std::string>> check_one(const Container& container, Going gone, const std::vector<std::string>& sources) {
  std::vector<std::string> kept;
  TRY(check_own_directory(container));
  if (const auto conf = TRY(conf_of_whole(container))) {
    TRY(check_stopped(container, ""));
    TRY(check_dependants_go(container, gone));
    TRY(check_root_is_own(container, *conf, gone));
    if (const auto* store = TRY(store_of_root(*conf))) TRY(store->check_destroy(conf->rootfs.path));
    kept = TRY(unmanaged_entries(container, *conf));
  }
  TRY(storage::refuse_mounts_below(container.directory(), kept, sources));
  return kept;
}

Status add_with_snapshots(const Container& container, std::vector<Container>& going) {
  for (const auto& place : snapshot_directories(container)) {
    const auto entries = sys::list_directory(place);
    if (!entries && entries.error().code() == ENOENT) continue;
    if (!entries) return fail(entries.error());
    for (const auto& entry : *entries) going.push_back(TRY(Container::open(entry.name, place)));
  }
  going.push_back(container);
  return {};
}

}  // namespace

Result<config::Conf> load_to_go(const Container& container) {
  const bool is_gone = TRY(root_is_gone(container));
  auto conf = container.load();
  if (is_gone && !conf) return config::Conf{};
  if (is_gone) conf->rootfs.path.clear();
  return conf;
}

Result<const storage::BackingStore*> store_of_root(const config::Conf& conf) {
  if (conf.rootfs.path.empty() || !conf.rootfs.managed) return nullptr;
  const auto store = storage::find_store(conf.rootfs.type);
  if (store) return *store;
  return fail(Error(store.error())
                  .hint("remove the storage by its own tools, then set lxc.rootfs.managed = 0 and destroy again")
                  .set_by(conf.origin("lxc.rootfs.path")));
}

Result<std::vector<std::string>> check_can_go(const Container& container) {
  return check_one(container, {}, TRY(pool_roots(Going(&container, 1))));
}

Status check_all_can_go(const Container& container, const std::vector<Container>& clones) {
  std::vector<Container> going;
  for (const Container& clone : clones) TRY(add_with_snapshots(clone, going));
  TRY(add_with_snapshots(container, going));
  const auto sources = TRY(pool_roots(going));
  for (std::size_t i = 0; i < going.size(); ++i) {
    const auto checked = check_one(going[i], Going(going).first(i), sources);
    if (checked) continue;
    if (i + 1 == going.size()) return fail(checked.error());
    return fail(Error(checked.error()).context(strings::cat(going[i].directory(), " can't go")));
  }
  return {};
}

}  // namespace berth::runtime
