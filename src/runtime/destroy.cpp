// Runs in: the command lxc-destroy; the monitor's destroy program of an ephemeral container.
#include "runtime/destroy.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/strings.hpp"
#include "network/address_book.hpp"
#include "network/names.hpp"
#include "os/paths.hpp"
#include "runtime/backup/still_root.hpp"
#include "runtime/config_hook.hpp"
#include "runtime/dependants.hpp"
#include "runtime/destroy_check.hpp"
#include "runtime/destroy_clones.hpp"
#include "runtime/destroy_mark.hpp"
#include "runtime/hold.hpp"
#include "runtime/other_path.hpp"
#include "runtime/own_directory.hpp"
#include "runtime/partial.hpp"
#include "runtime/rename.hpp"
#include "runtime/restore_in_place.hpp"
#include "runtime/root_journal.hpp"
#include "runtime/snapshot.hpp"
#include "storage/backing_store.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

Status check_not_being_created(Creation state, const Container& container) {
  if (state != Creation::kOngoing) return {};
  return fail(Error::message("another process is creating this container", EBUSY)
                  .because(container.directory() + "/partial is locked")
                  .hint("wait until it is done, or end that process"));
}

constexpr std::string_view kOrForce = ", or add --force";

// True: it ran, and has been stopped.
Result<bool> ensure_stopped(const Container& container, bool force) {
  if (!force) TRY(check_stopped(container, kOrForce));
  auto running = TRY(running_by_other_paths(container));
  if (TRY(container.state()) != State::kStopped) running.push_back(container);
  for (const Container& one : running) TRY_CONTEXT(one.kill(), "cannot stop the container");
  return !running.empty();
}

// Taken when the container is stopped: the monitor of an ephemeral one destroys it, under this lock, before it ends.
Result<os::FileLock> lock(const Container& container) { return lock_stopped(container, kOrForce); }

// With `force`, what a start that had the lock before has begun is stopped too. `ran`: whether anything has been stopped.
Result<os::FileLock> stop_and_lock(const Container& container, bool force, bool& ran) {
  constexpr int kMostStarts = 100;
  for (int look = 1;; ++look) {
    ran = TRY(ensure_stopped(container, force)) || ran;
    auto held = lock(container);
    if (held || !force || held.error().code() != EBUSY || look == kMostStarts) return held;
  }
}

// --- storage ---------------------------------------------------------------------------------------------------------------
// From the mark on, what is left is not to be taken for a container; unless the store has only said no.
Status destroy_root(const Container& container, const storage::BackingStore& store, const std::string& path) {
  TRY_CONTEXT(mark_destroyed(container), "cannot note that the container is being destroyed");
  Status gone = store.destroy(path);
  const bool is_whole = !gone && store.traits().goes_at_once && store.owns(path);
  if (is_whole) static_cast<void>(unmark_destroyed(container));
  TRY(gone);
  return with_context(mark_root_gone(container), "cannot note that the root file system is gone");
}

Status remove_root(const Container& container, const config::Conf& conf) {
  const auto* store = TRY(store_of_root(conf));
  return store == nullptr ? Status{} : destroy_root(container, *store, conf.rootfs.path);
}

// The configuration goes last, so that a destroy which was killed half-way can be repeated; after it only the mark, which says
// that its root is not to be removed again.
Status remove_directory(const Container& container, std::vector<std::string> keep) {
  const bool stays = !keep.empty();
  keep.emplace_back("config");
  keep.emplace_back(os::last_component(destroy_mark_of(container)));
  TRY(forgive_absence(storage::remove_contents(TRY(real_directory(container)), keep)));
  TRY(forgive_absence(sys::unlink(container.directory() + "/config")));  // not config_file(): that may be the caller's --rcfile
  TRY(unmark_destroyed(container));
  return stays ? Status{} : remove_own_directory(container);
}

// Nobody comes to depend on the container from here on; it is no container any more in the end.
Status remove_stored(const Container& container) {
  const os::FileLock nobody_added = TRY(lock_dependants(container));
  const config::Conf conf = TRY(load_to_go(container));
  const auto kept = TRY(check_can_go(container));  // again: the hooks took their time
  TRY(remove_root(container, conf));
  TRY(forget_sources(container));
  TRY(forget_roots(container.directory()));
  TRY(network::forget_addresses(container.directory()));
  TRY(network::withdraw_everywhere(container.directory()));
  return remove_directory(container, kept);
}

// Before it is stopped, and when nobody else changes it any more. The clones that go with it.
Result<std::vector<Container>> check_request(const Container& container, const DestroyRequest& request) {
  TRY(check_defined(container));
  TRY(load_to_go(container));  // what can't be read is not stopped either
  TRY(check_snapshots(container, request.snapshots));
  if (!request.force) TRY(check_stopped(container, kOrForce));
  if (request.clones) return clones_of(container, request.snapshots);
  TRY(check_dependants(container));
  return std::vector<Container>{};
}

// Its own hook before its snapshots: one that fails keeps them.
Status remove_all(const Container& container, const std::vector<Container>& clones, const DestroyRequest& request) {
  TRY(check_all_can_go(container, clones));
  TRY(destroy_clones(container, clones, request));
  TRY(run_config_hooks({container, TRY(load_to_go(container)), config::HookType::kDestroy}));
  if (request.snapshots) TRY(destroy_snapshots(container));
  TRY(end_killed_export(container));
  TRY(destroy_staging(container));
  return remove_stored(container);
}

// With the lock.
Status destroy_held(const Container& container, const DestroyRequest& request) {
  TRY(check_defined(container));
  TRY(complete_rename(container));
  if (request.check) TRY(request.check(container));
  return remove_all(container, TRY(check_request(container, request)), request);
}

Status destroy_defined(const Container& container, const DestroyRequest& request) {
  TRY(check_request(container, request));
  bool ran = false;
  const os::FileLock held = TRY(stop_and_lock(container, request.force, ran));
  if (ran && !container.defined()) return {};  // it was ephemeral
  return destroy_held(container, request);
}

// Roots go first, then who is told, then the directory: what says where they are lasts as long as they.
Status take_back_creation(const Container& container) {
  const std::string directory = container.directory();
  const EarlierEntries earlier = TRY(earlier_entries(directory));
  TRY(check_own_directory(container));
  TRY(destroy_recorded_roots(directory));
  if (!earlier) {
    TRY(forget_sources(container));
    return remove_unfinished(directory);
  }
  TRY(give_back_config(directory, earlier));
  auto keep = *earlier;
  keep.emplace_back("partial");  // goes last, so that this can be repeated
  TRY(storage::remove_contents(TRY(real_directory(container)), keep));
  return sys::unlink(directory + "/partial");
}

bool has_mark(const Container& container) { return sys::stat_link(destroy_mark_of(container)).has_value(); }

// The last thing that a killed destroy leaves. True: it was there, and is gone.
Result<bool> remove_empty_directory(const Container& container) {
  if (!sys::stat_link(container.directory())) return false;
  const os::FileLock held = TRY(lock(container));
  if (!check_own_directory(container)) return false;
  if (!container.defined() && is_end_of_destroy(container.directory())) TRY(unmark_destroyed(container));
  const auto left = sys::list_directory(container.directory());
  if (!left || !left->empty()) return false;
  return remove_own_directory(container).has_value() && !sys::stat_link(container.directory());
}

// What was there before the creation is destroyed like every other container.
Status destroy_any(const Container& container, const DestroyRequest& request) {
  if (TRY(creation_state(container.directory())) == Creation::kCrashed) {
    TRY(remove_crashed(container, request.force));
    if (!container.defined()) return {};
  }
  TRY(check_not_being_created(TRY(creation_state(container.directory())), container));
  if (!container.defined() && TRY(remove_empty_directory(container))) return {};
  return destroy_defined(container, request);
}

Result<bool> end_marked(const Container& container) {
  const auto held = lock(container);
  if (!has_mark(container)) return false;  // first: what has the name by now may run
  if (!held) return fail(held.error());
  TRY(check_made(container));
  if (container.defined()) {
    TRY(destroy_held(container, {}));
    return true;
  }
  if (!is_end_of_destroy(container.directory())) return false;
  TRY(check_own_directory(container));
  TRY(unmark_destroyed(container));
  TRY(remove_own_directory(container));
  return true;
}

}  // namespace

Result<bool> end_killed_destroy(const Container& container) { return with_context(end_marked(container), "cannot destroy"); }

Status destroy(const Container& container, const DestroyRequest& request) {
  return with_context(destroy_any(container, request), "cannot destroy");
}

bool is_end_of_destroy(const std::string& directory) {
  const auto entries = sys::list_directory(directory);
  return entries && entries->size() == 1 && entries->front().name == kDestroyMark;
}

Status remove_unfinished(const std::string& directory) {
  TRY(storage::remove_contents(directory, {"partial"}));
  TRY(forgive_absence(sys::unlink(directory + "/partial")));
  return storage::remove_emptied(directory);
}

Status remove_crashed(const Container& container, bool force) {
  bool ran = false;
  const os::FileLock held = TRY(stop_and_lock(container, force, ran));
  if (TRY(creation_state(container.directory())) != Creation::kCrashed) return {};
  return take_back_creation(container);
}

}  // namespace berth::runtime
