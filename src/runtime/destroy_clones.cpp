// Runs in: the command lxc-destroy.
#include "runtime/destroy_clones.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.hpp"
#include "os/paths.hpp"
#include "runtime/dependants.hpp"
#include "runtime/hold.hpp"
#include "runtime/root_directories.hpp"
#include "runtime/root_owner.hpp"
#include "runtime/snapshot.hpp"
#include "storage/backing_store.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr unsigned kDeepest = 64;  // clones of clones

Error is_no_clone(const Container& clone, const Container& source, std::string reason) {
  return Error::message("it does not use the storage of this container", EINVAL)
      .because(std::move(reason))
      .hint(strings::cat("remove its two lines from ", source.directory(),
                         "/lxc_snapshots if it is none of its clones, or destroy ", clone.directory(), " by itself"));
}

// An entry of lxc_snapshots may be of a clone that is gone, and its name somebody else's by now.
Status check_names_source(const Container& clone, const Container& source) {
  for (const auto& [lxcpath, name] : TRY(sources_of(clone.directory()))) {
    if (name == source.name() && lxcpath == source.lxcpath()) return {};
    if (name == source.name() && TRY(lies_in(strings::cat(lxcpath, "/", name), source.directory()))) return {};
  }
  return fail(is_no_clone(clone, source, strings::cat(clone.directory(), "/lxc_rdepends does not name ", source.directory())));
}

// LXC copies the upper layer of an overlay, so that a clone of its lies over what the source itself lies over.
bool lies_over_the_same(const std::vector<std::string>& lower, std::vector<std::string> of_source) {
  of_source.pop_back();
  return lower == of_source;
}

// Of a root with layers that can be seen: a lower one is the source's, by its place, or they are those of the source. Of others:
// they are of the source's kind, of which a clone is.
Status check_uses(const Container& clone, const config::Conf& conf, const Container& source, const config::Conf& of_source) {
  auto layers = root_directories(conf.rootfs.path);
  const Error other = is_no_clone(clone, source, strings::cat(clone.config_file(), ": lxc.rootfs.path = ", conf.rootfs.path));
  if (layers.size() == 1) {
    const auto kind = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
    const auto needed = TRY(storage::store_of(of_source.rootfs.type, of_source.rootfs.path));
    return kind == needed && TRY(kind->snapshot_needs_source(*needed, of_source.rootfs.path)) ? Status{} : fail(other);
  }
  layers.pop_back();
  const auto source_layers = root_directories(of_source.rootfs.path);
  if (lies_over_the_same(layers, source_layers)) return {};
  const auto places = std::to_array({source_layers.back(), os::normalise(source.directory())});
  for (const std::string& layer : layers)
    for (const std::string& place : places)
      if (layer == place || TRY(lies_in(layer, place))) return {};
  return fail(other);
}

Status check_is_clone(const Container& clone, const Container& source) {
  TRY(check_names_source(clone, source));
  return check_uses(clone, TRY(clone.load()), source, TRY(source.load()));
}

Status check_clone_can_go(const Container& clone, const Container& source, bool snapshots) {
  TRY(check_defined(clone));
  TRY(check_made(clone));
  TRY(check_is_clone(clone, source));
  TRY(check_stopped(clone, ""));
  return check_snapshots(clone, snapshots);
}

Status collect_clones(const Container& container, bool snapshots, std::vector<Container>& clones, unsigned depth) {
  if (depth == kDeepest)
    return fail(Error::message("clones depend on one another in a circle", ELOOP).because(container.directory()));
  for (const auto& [lxcpath, name] : TRY(other_dependants(container))) {
    const Container clone = TRY(Container::open(name, lxcpath));
    TRY_CONTEXT(check_clone_can_go(clone, container, snapshots), strings::cat("the clone ", clone.directory(), " can't go"));
    const auto known = [&](const Container& other) { return other.directory() == clone.directory(); };
    if (std::ranges::any_of(clones, known)) continue;
    TRY(collect_clones(clone, snapshots, clones, depth + 1));
    clones.push_back(clone);
  }
  return {};
}

}  // namespace

Status check_snapshots(const Container& container, bool may_go) {
  std::vector<std::string> names;
  for (const auto& place : snapshot_directories(container)) {
    const auto entries = sys::list_directory(place);
    if (!entries && entries.error().code() == ENOENT) continue;
    if (!entries) return fail(Error(entries.error()).context("cannot see whether there are snapshots"));
    for (const auto& entry : *entries) names.push_back(entry.name);
  }
  if (may_go || names.empty()) return {};
  std::ranges::sort(names);
  return fail(Error::message("the container has snapshots", EBUSY)
                  .because(strings::join(names, ", "))
                  .hint("add --snapshots to remove them too"));
}

Result<std::vector<Container>> clones_of(const Container& container, bool snapshots) {
  std::vector<Container> clones;
  TRY(collect_clones(container, snapshots, clones, 0));
  return clones;
}

Status destroy_clones(const Container& container, const std::vector<Container>& clones, const DestroyRequest& request) {
  // Since it was found it may have been destroyed, and its name be another container's.
  const auto is_still_one = [&](const Container& clone) -> Status {
    for (const Container& other : clones)
      if (check_names_source(clone, other)) return {};
    return check_names_source(clone, container);
  };
  for (const Container& clone : clones) {
    if (!clone.defined()) continue;  // a snapshot, gone with its container
    TRY_CONTEXT(destroy(clone, {.snapshots = request.snapshots, .check = is_still_one}),
                strings::cat("clone ", clone.directory()));
    if (request.clone_gone) request.clone_gone(clone);
  }
  return {};
}

}  // namespace berth::runtime
