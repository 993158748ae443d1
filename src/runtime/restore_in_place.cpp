// Runs in: the command that restores a snapshot.
#include "runtime/restore_in_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.hpp"
#include "os/paths.hpp"
#include "runtime/clone_job.hpp"
#include "runtime/dependants.hpp"
#include "runtime/exchange.hpp"
#include "runtime/hold.hpp"
#include "runtime/moved_config.hpp"
#include "runtime/partial.hpp"
#include "runtime/rename.hpp"
#include "runtime/root_directories.hpp"
#include "runtime/root_journal.hpp"
#include "runtime/root_owner.hpp"
#include "runtime/snapshot.hpp"
#include "storage/backing_store.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr mode_t kDirectoryMode = 0755, kPrivateMode = 0700;
constexpr std::string_view kSources = "lxc_rdepends";
constexpr std::string_view kMade = "-restoring", kAside = "-replaced";  // of a root's name in a pool

std::string plan_of(const Container& container) { return staging_of(container) + "/exchanging"; }

// --- what lies where ---------------------------------------------------------------------------------------------------------
// The entries of `directory` that a root lies in.
std::vector<std::string> entries_of(const std::string& root, const std::string& directory) {
  std::vector<std::string> entries;
  for (const std::string& word : root_directories(root)) {
    if (!os::is_below(word, directory) || word.size() <= directory.size() + 1) continue;
    const std::string below = word.substr(directory.size() + 1);
    entries.push_back(below.substr(0, below.find('/')));
  }
  return entries;
}

bool holds(const std::vector<std::string>& list, const std::string& item) { return std::ranges::find(list, item) != list.end(); }

struct Root {
  const storage::BackingStore* store = nullptr;  // nullptr: there is none
  std::string path{};
};

Result<Root> root_of(const Container& container) {
  if (!container.defined()) return Root{};
  const config::Conf conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return Root{};
  const auto* store = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
  const bool is_one = store->traits().in_directory && root_directories(conf.rootfs.path).size() == 1;
  return Root{store, is_one ? by_known_name(os::normalise(conf.rootfs.path), container.directory()) : conf.rootfs.path};
}

Status check_root_can_change(const Container& container, const Root& root) {
  if (root.store == nullptr || !root.store->traits().in_directory) return {};
  if (os::is_below(root_directories(root.path).back(), container.directory())) return {};
  return fail(Error::message("the container's root file system is not in its directory", EOPNOTSUPP)
                  .because(strings::cat(root.path, ", not below ", container.directory()))
                  .hint("restore under a new name (--newname)")
                  .set_by(TRY(container.load()).origin("lxc.rootfs.path")));
}

// It would make a root of the container's own out of one that is to be kept, and remove that.
Status check_root_may_go(const Container& container) {
  const config::Conf conf = TRY(container.load());
  if (conf.rootfs.managed) return {};
  return fail(Error::message("the container's root file system is to be kept, so nothing can take its place", EPERM)
                  .because("lxc.rootfs.managed = 0")
                  .hint("restore under a new name (--newname)")
                  .set_by(conf.origin("lxc.rootfs.managed")));
}

// In a pool the old root can't go while snapshots are made of its data (thick volumes of LVM, images of rbd): said before the
// work.
Status check_root_can_go(const Container& container, const Root& root) {
  if (root.store == nullptr || root.store->traits().in_directory) return {};
  if (!TRY(root.store->snapshot_needs_source(*root.store, root.path))) return {};
  for (const Snapshot& snapshot : TRY(list_snapshots(container))) {
    if (TRY(root_of(TRY(Container::open(snapshot.name, snapshot.lxcpath)))).store != root.store) continue;
    return fail(Error::message(strings::cat("the snapshot ", snapshot.name, " needs what would be replaced"), EBUSY)
                    .because(strings::cat("it shares the data of ", storage::rootfs_value(*root.store, root.path)))
                    .hint("restore under a new name (--newname)"));
  }
  return {};
}

// Snapshots that share what would be replaced.
Status check_not_needed(const Container& container, const std::vector<std::string>& replaced) {
  for (const Snapshot& snapshot : TRY(list_snapshots(container))) {
    const Root root = TRY(root_of(TRY(Container::open(snapshot.name, snapshot.lxcpath))));
    for (const std::string& entry : entries_of(root.path, container.directory())) {
      if (!holds(replaced, entry)) continue;
      return fail(Error::message(strings::cat("the snapshot ", snapshot.name, " needs what would be replaced"), EBUSY)
                      .because(strings::cat(root.path, " lies in ", container.directory(), "/", entry))
                      .hint("restore under a new name (--newname), or destroy that snapshot first"));
    }
  }
  return {};
}

// --- the moves ---------------------------------------------------------------------------------------------------------------
class Planner {
 public:
  Planner(const Container& container, const std::string& copy, Root old_root, Root new_root)
      : directory_(container.directory()),
        staging_(staging_of(container)),
        copy_(copy),
        old_(std::move(old_root)),
        new_(std::move(new_root)) {}

  // The configuration last. Which entries of the container go is in replaced() then.
  Result<Exchange> plan(const std::string& made_root, const std::string& aside_root) {
    const auto whole = entries_of(new_.path, directory_);
    if (!aside_root.empty()) exchange_.add_root(std::string(new_.store->traits().name), made_root, new_.path, aside_root);
    for (const auto& [name, type] : TRY(sys::list_directory(copy_))) {
      if (name == "config") continue;
      const bool files = !holds(whole, name) && S_ISDIR(TRY(sys::stat_link(strings::cat(copy_, "/", name))).st_mode);
      TRY(files ? put_files(name) : put(name));
    }
    TRY(drop_old(whole));
    TRY(put("config"));
    return std::move(exchange_);
  }

  [[nodiscard]] const std::vector<std::string>& replaced() const { return replaced_; }
  // Where the old root is afterwards; empty: it is none that lies in one entry.
  [[nodiscard]] const std::string& old_root() const { return old_root_; }

 private:
  [[nodiscard]] std::string next_aside() { return strings::cat(staging_, "/old/", count_++); }

  Status put(const std::string& name) {
    const std::string to = strings::cat(directory_, "/", name), aside = next_aside();
    if (old_.store != nullptr && os::is_below(os::normalise(old_.path), to)) old_root_ = aside + old_.path.substr(to.size());
    exchange_.add(strings::cat(copy_, "/", name), to, aside);
    if (name.find('/') == name.npos) replaced_.push_back(name);
    return {};
  }

  // A directory of hooks may hold more in the container than in the snapshot.
  Status put_files(const std::string& name) {
    TRY(sys::ensure_directory(strings::cat(directory_, "/", name), kDirectoryMode));
    for (const auto& entry : TRY(sys::list_directory(strings::cat(copy_, "/", name)))) {
      const std::string below = strings::cat(name, "/", entry.name);
      TRY(S_ISDIR(TRY(sys::stat_link(strings::cat(copy_, "/", below))).st_mode) ? put_files(below) : put(below));
    }
    return {};
  }

  // What only the old root has, and whom it depended on.
  Status drop_old(const std::vector<std::string>& whole) {
    auto gone = entries_of(old_.path, directory_);
    gone.emplace_back(kSources);
    for (const std::string& name : gone) {
      if (holds(whole, name) || holds(replaced_, name) || !sys::stat_link(strings::cat(directory_, "/", name))) continue;
      const std::string aside = next_aside(), from = strings::cat(directory_, "/", name);
      if (old_.store != nullptr && os::is_below(os::normalise(old_.path), from))
        old_root_ = aside + old_.path.substr(from.size());
      exchange_.add(from, aside, next_aside());
      replaced_.push_back(name);
    }
    return {};
  }

  std::string directory_, staging_, copy_;
  Root old_, new_;
  Exchange exchange_;
  std::vector<std::string> replaced_;
  std::string old_root_;
  unsigned count_ = 0;
};

// The link decides it: before, nobody looks at the plan; afterwards it is carried out. Copies of a snapshot hold that one's lock,
// not the container's, while they write themselves into its list: that stays as it is until all is in its place. It is not held
// before, for this command waits for the snapshot's lock too.
Status change_places(const Container& container, const Exchange& exchange) {
  const os::FileLock nobody_added = TRY(lock_dependants(container));
  TRY(check_dependants(container, kRestoreBeside));
  TRY(exchange.write(plan_of(container)));
  if (auto marked = sys::symlink(container.name(), rename_mark_of(container)); !marked) {
    static_cast<void>(sys::unlink(plan_of(container)));
    return marked;
  }
  auto outcome = complete_rename(container);
  if (outcome) return outcome;
  auto back = exchange.take_back();
  if (back) back = sys::unlink(rename_mark_of(container));
  if (back) back = sys::unlink(plan_of(container));
  if (back) return outcome;
  return fail(std::move(outcome.error())
                  .hint(strings::cat("repeat it, or let berth doctor end it: nothing is lost, but it is half done: ",
                                     back.error().line())));
}

// --- the copy ----------------------------------------------------------------------------------------------------------------
CloneJob job_for(const Container& own, storage::Progress* progress) {
  CloneJob job;
  job.request.name = own.name();
  job.request.lxcpath = staging_of(own);
  job.request.keep_name = job.request.keep_hwaddr = job.request.keep_store = job.request.maybe_snapshot = true;
  job.request.progress = progress;
  job.final_directory = own.directory();
  job.journal = staging_of(own);
  job.independent = true;
  return job;
}

struct PoolNames {
  std::string made, aside;
};

// In a pool the copy is made beside what it replaces.
Result<PoolNames> choose_names(CloneJob& job, const Container& own, const Root& old_root, const Root& from) {
  if (from.store == nullptr || from.store->traits().in_directory) return PoolNames{};
  std::string place = strings::cat(os::parent(from.path), "/", own.name());
  if (old_root.store == from.store) place = old_root.path;
  job.final_root = place;
  job.root = strings::cat(place, kMade);
  return PoolNames{job.root, strings::cat(place, kAside)};
}

// A link there would lead to what another restore is at work on, whose files are to be believed.
Status check_staging(const Container& container) {
  const auto info = sys::stat_link(staging_of(container));
  if (!info && info.error().code() == ENOENT) return {};
  if (!info) return fail(info.error());
  if (S_ISDIR(info->st_mode)) return {};
  return fail(Error::message("what a killed command left is not believed", EPERM)
                  .because(staging_of(container) + " is no directory")
                  .hint("look at what it is, then remove it"));
}

Status record(const Container& own, const Root& root, const std::string& path) {
  return path.empty() || root.store == nullptr ? Status{} : record_root(staging_of(own), *root.store, path);
}

Status replace(const Container& own, const Container& snapshot, const Root& old_root, storage::Progress* progress) {
  const std::string staging = staging_of(own);
  CloneJob job = job_for(own, progress);
  const Root from = TRY(root_of(snapshot));
  const PoolNames names = TRY(choose_names(job, own, old_root, from));
  TRY(sys::ensure_directory(staging + "/old", kPrivateMode));
  TRY(record(own, from, names.aside));
  const Container copy = TRY(run_clone(snapshot, job));
  const config::Conf conf = TRY(copy.load());
  const Root new_root{from.store, conf.rootfs.path};
  Planner planner(own, copy.directory(), old_root, new_root);
  const Exchange exchange = TRY(planner.plan(names.made, names.aside));
  TRY(check_not_needed(own, planner.replaced()));
  TRY(record(own, old_root, planner.old_root()));
  return with_context(change_places(own, exchange), "cannot put the restored container in its place");
}

// What stood aside when the power failed may be all that the container has.
Status check_old_root_is_replaced(const std::string& staging) {
  for (const RecordedRoot& aside : TRY(recorded_roots(staging))) {
    const auto* store = TRY(storage::find_store(aside.type));
    if (store->traits().in_directory || !aside.path.ends_with(kAside)) continue;
    const std::string place = aside.path.substr(0, aside.path.size() - kAside.size());
    if (!TRY(store->exists(aside.path)) || TRY(store->exists(place))) continue;
    return fail(Error::message("the old root file system is not removed: nothing has taken its place", EBUSY)
                    .because(strings::cat("it is ", aside.type, ":", aside.path, ", and there is no ", place))
                    .hint("give it that name again, by the tools of its storage; then repeat this"));
  }
  return {};
}

// --- the root alone ----------------------------------------------------------------------------------------------------------
struct RootPlaces {
  std::string made, aside;
};

Result<RootPlaces> places_for(const Container& own, const Root& root) {
  if (!root.store->traits().in_directory) return RootPlaces{strings::cat(root.path, kMade), strings::cat(root.path, kAside)};
  const std::string path = os::normalise(root.path), name = path.substr(path.rfind('/') + 1), staging = staging_of(own);
  if (path == strings::cat(own.directory(), "/", name))
    return RootPlaces{strings::cat(staging, "/new/", name), strings::cat(staging, "/old/", name)};
  return fail(Error::message("the container's root file system is not in its directory", EOPNOTSUPP)
                  .because(strings::cat(path, ", not ", own.directory(), "/NAME")));
}

// A limit is the container's, not what it holds.
Status keep_limit(const Root& old_root, const std::string& made) {
  if (!old_root.store->traits().can_resize) return {};
  const auto limit = TRY(old_root.store->usage(old_root.path)).limit;
  return limit && *limit != 0 ? old_root.store->resize(made, *limit) : Status{};
}

Status replace_root_alone(const Container& own, const Root& old_root, RootMaker& maker) {
  const std::string staging = staging_of(own);
  const RootPlaces places = TRY(places_for(own, old_root));
  TRY(sys::ensure_directory(staging + "/old", kPrivateMode));
  TRY(sys::ensure_directory(staging + "/new", kPrivateMode));
  TRY(record(own, old_root, places.made));
  TRY(record(own, old_root, places.aside));
  TRY(maker.make(*old_root.store, old_root.path, places.made, staging));
  TRY(keep_limit(old_root, places.made));
  if (old_root.store->traits().in_directory) {  // pools have their own ways
    const Fd directory = TRY(sys::open(staging, O_RDONLY | O_DIRECTORY));
    TRY(sys::sync_filesystem(directory.get(), staging));
  }
  Exchange exchange;
  std::vector<std::string> replaced;
  if (!old_root.store->traits().in_directory)
    exchange.add_root(std::string(old_root.store->traits().name), places.made, old_root.path, places.aside);
  for (const auto& entry : TRY(sys::list_directory(staging + "/new"))) {
    exchange.add(strings::cat(staging, "/new/", entry.name), strings::cat(own.directory(), "/", entry.name),
                 strings::cat(staging, "/old/", entry.name));
    replaced.push_back(entry.name);
  }
  TRY(check_not_needed(own, replaced));
  return with_context(change_places(own, exchange), "cannot put the new root file system in its place");
}

// Stopped, whole, and nobody's source.
Result<os::FileLock> hold(const Container& own, std::string_view way_out) {
  TRY(check_complete(own));
  TRY(check_dependants(own, way_out));
  TRY(check_stopped(own, ""));
  os::FileLock held = TRY(lock_whole(own, ""));
  TRY(complete_rename(own));
  TRY(check_dependants(own, way_out));  // again: a copy may have held the container
  TRY(check_root_may_go(own));
  return held;
}

Status clear_the_way(const Container& own, const Root& old_root) {
  TRY(check_root_can_change(own, old_root));
  TRY(check_root_can_go(own, old_root));
  TRY(check_root_is_own(own, TRY(own.load())));
  TRY_CONTEXT(remove_staging(own), "cannot remove what an earlier restore left");
  return remove_preparation(own);  // the end of the restore would take it for a rename
}

}  // namespace

std::string staging_of(const Container& container) { return container.directory() + "/restoring"; }

Status finish_restore(const Container& container) {
  const std::string plan = plan_of(container);
  TRY(check_staging(container));
  if (!sys::exists(plan)) return {};
  const Exchange exchange = TRY(Exchange::read(plan));
  if (exchange.moves_roots()) TRY(sync_directories({staging_of(container), container.directory()}));
  TRY_CONTEXT(exchange.run(), "cannot end a restore that was begun");
  const Root root = TRY(root_of(container));
  if (root.store != nullptr) TRY(root.store->moved(root.path, {container.directory(), container.name()}));
  return sys::unlink(plan);
}

Status destroy_staging(const Container& container) {
  const std::string staging = staging_of(container);
  if (!sys::stat_link(staging)) return {};
  TRY(check_staging(container));
  if (rename_is_incomplete(container) && sys::exists(plan_of(container)))
    return fail(Error::message("a restore is half done", EBUSY).because(plan_of(container) + " is there"));
  if (sys::exists(plan_of(container))) TRY(Exchange::read(plan_of(container)));  // one that says nothing is not of this release
  TRY(destroy_recorded_roots(staging));
  return storage::remove_tree(staging);
}

Status remove_staging(const Container& container) {
  if (!sys::stat_link(staging_of(container))) return {};
  TRY(check_staging(container));
  TRY(check_old_root_is_replaced(staging_of(container)));
  return destroy_staging(container);
}

Status replace_root(const Container& container, RootMaker& maker) {
  const Container own = TRY(Container::open(container.name(), container.lxcpath()));  // not the caller's --rcfile
  const os::FileLock held = TRY(hold(own, kApplyBeside));
  const Root old_root = TRY(root_of(own));
  if (old_root.store == nullptr) return fail(Error::message("the container has no root file system", EINVAL));
  TRY(clear_the_way(own, old_root));  // first: with what was left the old root gets back its state (zfs)
  TRY(maker.check(*old_root.store, old_root.path));
  auto outcome = replace_root_alone(own, old_root, maker);
  auto removed = rename_is_incomplete(own) ? Status{} : remove_staging(own);
  if (!outcome) return outcome;
  if (removed) removed = maker.tidy(*old_root.store, old_root.path);
  return with_context(std::move(removed), "the root file system is replaced, but what it replaced can't be removed");
}

Status restore_in_place(const Container& container, const Container& snapshot, storage::Progress* progress) {
  const Container own = TRY(Container::open(container.name(), container.lxcpath()));  // not the caller's --rcfile
  const os::FileLock held = TRY(hold(own, kRestoreBeside));
  const Root old_root = TRY(root_of(own));
  TRY(clear_the_way(own, old_root));
  auto outcome = replace(own, snapshot, old_root, progress);
  if (outcome && progress != nullptr) progress->begin("removing the old root file system", 0);
  auto removed = rename_is_incomplete(own) ? Status{} : remove_staging(own);
  if (!outcome) return outcome;
  return with_context(std::move(removed), "the container is restored, but what it replaced can't be removed");
}

}  // namespace berth::runtime
