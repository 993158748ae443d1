// Runs in: the commands that copy a container.
#include <algorithm>
#include <utility>

#include "base/strings.hpp"
#include "config/parser.hpp"
#include "config/unexpanded.hpp"
#include "os/paths.hpp"
#include "runtime/clone_job.hpp"
#include "runtime/root_directories.hpp"
#include "runtime/root_owner.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/store_options.hpp"
#include "runtime/store_specs.hpp"

namespace berth::runtime {
namespace {

using storage::BackingStore;

Result<Container> target_of(const Container& source, const CloneRequest& request) {
  const std::string& name = request.name.empty() ? source.name() : request.name;
  Container target = TRY(Container::open(name, request.lxcpath.empty() ? source.lxcpath() : request.lxcpath));
  if (target.directory() != source.directory()) return target;
  return fail(Error::message("the copy would be the container itself", EEXIST)
                  .because(source.directory())
                  .hint("give the copy another name (--newname) or another lxcpath (--newpath)"));
}

// Its own kind; one that it belongs to as well (a subvolume that is called a directory); one that lays the copy over it.
const BackingStore* sharing_store(const CloneDraft& draft) {
  const auto can = [&](const BackingStore& store) {
    return store.can_share(*draft.source, draft.conf.rootfs.path, draft.target.directory());
  };
  if (can(*draft.source)) return draft.source;
  for (const BackingStore* store : storage::stores())
    if (can(*store)) return store;
  return nullptr;
}

Error cannot_share(const CloneDraft& draft, const BackingStore* wanted) {
  const bool other = wanted != nullptr && wanted != draft.source;
  return Error::message(other ? strings::cat("a root file system of type ", wanted->traits().name,
                                             " can't share its data with one of type ", draft.source->traits().name)
                              : strings::cat("a root file system of type ", draft.source->traits().name,
                                             " can't share its data with a copy"),
                        EOPNOTSUPP)
      .hint("make a full copy: leave out --snapshot, or say --maybe-snapshot")
      .set_by(draft.conf.origin("lxc.rootfs.path"));
}

// LXC's rules: a type that was named, none and best as lxc-create takes them; to share, a kind that can; a full copy keeps the
// kind in its lxcpath, and is a directory in another.
Result<const BackingStore*> choose_store(const CloneDraft& draft, const Container& source, const CloneRequest& request) {
  const bool may_share = request.snapshot || request.maybe_snapshot;
  if (request.keep_store) return draft.source;
  const bool best = request.bdev == "best";
  if (!best && !request.bdev.empty()) return storage::find_store(request.bdev == "none" ? "dir" : request.bdev);
  const BackingStore* sharing = may_share ? sharing_store(draft) : nullptr;
  if (sharing != nullptr) return sharing;
  if (best) return TRY(runtime::choose_store("best", {draft.target.directory(), draft.target.name()}, request.specs)).store;
  const bool moves = os::normalise(draft.target.lxcpath()) != os::normalise(source.lxcpath());
  return moves && !may_share ? storage::find_store("dir") : draft.source;
}

// A copy that shares its data has the source's file system.
Status check_file_system(const CloneDraft& draft) {
  const std::string& type = draft.specs.fstype;
  if (type.empty() || (draft.store->traits().is_block && !draft.share)) return {};
  const Error error = Error::message(strings::cat("the copy can't have a file system of its own (", type, ")"), EINVAL);
  if (draft.share)
    return fail(Error(error).because("it shares its data with the container").hint("make a full copy, or leave out --fstype"));
  return fail(Error(error)
                  .because(strings::cat("a root file system of type ", draft.store->traits().name, " is on no device"))
                  .hint("leave out --fstype, or name another type of storage (-B)"));
}

Status check_size(const CloneDraft& draft) {
  const storage::Traits& traits = draft.store->traits();
  if (draft.specs.size == 0 || traits.is_block || traits.can_resize) return {};
  return fail(Error::message(strings::cat("a root file system of type ", traits.name, " has no size of its own"))
                  .hint("leave out the size (--fssize)"));
}

Status choose_stores(CloneDraft& draft, const Container& source, const CloneJob& job) {
  const CloneRequest& request = job.request;
  const config::RootfsConf& rootfs = draft.conf.rootfs;
  if (rootfs.path.empty()) return {};
  auto own = storage::store_of(rootfs.type, rootfs.path);
  if (!own) return fail(std::move(own.error()).set_by(draft.conf.origin("lxc.rootfs.path")));
  draft.source = *own;
  draft.store = TRY(choose_store(draft, source, request));
  draft.share = (request.snapshot || request.maybe_snapshot) &&
                draft.store->can_share(*draft.source, rootfs.path, draft.target.directory());
  if (request.snapshot && !draft.share) return fail(cannot_share(draft, request.bdev.empty() ? nullptr : draft.store));
  draft.specs = TRY(complete_specs(*draft.store, request.specs, request.place));
  TRY(check_file_system(draft));
  return check_size(draft);
}

// --- where the root will be ------------------------------------------------------------------------------------------------
// In a pool: beside the source, not in what the host has as its standard.
bool is_placed_beside(const CloneDraft& draft, const CloneJob& job) {
  const std::string_view path = draft.conf.rootfs.path;
  return draft.store == draft.source && !draft.store->traits().in_directory && job.request.place.empty() &&
         !names_place(*draft.store, job.request.specs) && path.find('/') != path.npos &&
         (!path.starts_with('/') || path.starts_with("/dev/"));
}

Result<std::string> place(const CloneDraft& draft, const CloneJob& job, const std::string& directory) {
  const std::string name = job.pool_name.empty() ? draft.target.name() : job.pool_name;
  std::string place;
  if (is_placed_beside(draft, job))
    place = strings::cat(os::parent(draft.conf.rootfs.path), "/", name);
  else
    place = TRY(draft.store->place({directory, name}, draft.specs));
  return draft.share ? draft.store->snapshot_path(*draft.source, draft.conf.rootfs.path, place) : Result<std::string>(place);
}

std::string final_directory_of(const CloneDraft& draft, const CloneJob& job) {
  return job.final_directory.empty() ? draft.target.directory() : job.final_directory;
}

Status choose_places(CloneDraft& draft, const CloneJob& job) {
  draft.root = job.root.empty() ? TRY(place(draft, job, draft.target.directory())) : job.root;
  draft.final_root = job.final_root.empty() ? TRY(place(draft, job, final_directory_of(draft, job))) : job.final_root;
  return {};
}

// --- whose storage the copy needs ------------------------------------------------------------------------------------------
// What the copy shares is in one of `places`. A path of one layer does not show what it shares; what lies in the copy's own
// directory goes with the copy.
Result<bool> shares_with(const std::vector<std::string>& places, const CloneDraft& draft) {
  const std::string copy = os::normalise(draft.target.directory());
  for (const std::string& layer : root_directories(draft.root)) {
    if (os::is_below(layer, copy)) continue;
    for (const std::string& place : places) {
      if (os::is_below(layer, place)) return true;
      if (TRY(lies_in(layer, place))) return true;
    }
  }
  return false;
}

bool shows_its_layers(const CloneDraft& draft) {
  return draft.store->traits().in_directory && root_directories(draft.root).size() > 1;
}

Result<bool> needs_source(const CloneDraft& draft, const Container& source) {
  const std::string& path = draft.conf.rootfs.path;
  if (!TRY(draft.store->snapshot_needs_source(*draft.source, path))) return false;
  if (!shows_its_layers(draft)) return true;
  return shares_with({os::normalise(source.directory()), root_directories(path).back()}, draft);
}

void add_source(CloneDraft& draft, const Container& source) {
  Dependence one{source.lxcpath(), source.name()};
  if (std::ranges::find(draft.sources, one) == draft.sources.end()) draft.sources.push_back(std::move(one));
}

// A container with a lower layer of its own shares that with its snapshots and, through them, with their copies.
Status add_owner_of_snapshot(CloneDraft& draft, const Container& source) {
  const auto owner = owner_of_snapshot(source);
  if (!owner || !shows_its_layers(draft) || is_snapshot_of(draft.target, *owner)) return {};
  if (TRY(shares_with({os::normalise(owner->directory())}, draft))) add_source(draft, *owner);
  return {};
}

// What the source needs the copy needs too, for it shares that. A snapshot whose layers are seen says nothing of its container:
// LXC would write that down for what it restores from it.
Status find_sources(CloneDraft& draft, const Container& source, const CloneJob& job) {
  if (!draft.share) return {};
  const bool needs = TRY(needs_source(draft, source));
  if (needs && job.independent) {
    draft.share = false;
    return choose_places(draft, job);
  }
  draft.sources = TRY(sources_of(source.directory()));
  if (needs && !(shows_its_layers(draft) && is_snapshot_of(draft.target, source))) add_source(draft, source);
  TRY(add_owner_of_snapshot(draft, source));
  const std::string final = os::normalise(final_directory_of(draft, job));  // its own layers: restored in place
  std::erase_if(draft.sources, [&](const Dependence& one) { return os::normalise(one.first + "/" + one.second) == final; });
  return {};
}

ConfigMove move_of(const Container& source, const CloneDraft& draft, const CloneJob& job) {
  ConfigMove move;
  move.from = source.directory();
  move.to = final_directory_of(draft, job);
  if (draft.store != nullptr) {
    move.from_root = os::normalise(draft.conf.rootfs.path);
    move.to_root = draft.final_root;
    move.rootfs_value = storage::rootfs_value(*draft.store, move.to_root);
    move.made_root = true;
  }
  if (!job.request.keep_name) move.name = draft.target.name();
  move.new_hwaddr = !job.request.keep_hwaddr;
  return move;
}

}  // namespace

Result<CloneDraft> plan_clone(const Container& source, const CloneJob& job) {
  CloneDraft draft{.target = TRY(target_of(source, job.request))};
  draft.conf = TRY(source.load());
  TRY(choose_stores(draft, source, job));
  if (draft.store != nullptr) {
    TRY(choose_places(draft, job));
    TRY(find_sources(draft, source, job));
  }
  draft.text = TRY(move_config(draft.conf, move_of(source, draft, job)));
  for (const auto& [key, value] : job.request.added_lines) {
    TRY(config::set_item(draft.conf, key, value));  // for the error of a bad one
    config::append_line(draft.text.text, key, value);
  }
  return draft;
}

}  // namespace berth::runtime
