// Runs in: the command that exports a container.
#include "runtime/backup/still_root.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/strings.hpp"
#include "os/paths.hpp"
#include "runtime/hold.hpp"
#include "runtime/rename.hpp"
#include "runtime/root_journal.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr mode_t kMode = 0700;

std::string notes_of(const Container& container) { return container.directory() + "/exporting"; }
std::string frozen_note(const Container& container) { return notes_of(container) + "/frozen"; }
std::string sending_note(const Container& container) { return notes_of(container) + "/sending"; }

Error may_not_run(const storage::BackingStore& store, const config::Conf& conf) {
  return Error::message("the container runs, and its root file system changes meanwhile", EBUSY)
      .because(strings::cat("storage of type '", store.traits().name, "' has no snapshots here"))
      .hint(
          "add --freeze (it stands still for the time of the copy) or --no-freeze (it goes on, and files that it changes "
          "meanwhile may be inconsistent), or stop it, export it, start it again")
      .set_by(conf.origin("lxc.rootfs.path"));
}

// Two exports of one container that runs would take each other's snapshot for a leftover.
Result<os::FileLock> claim_notes(const Container& container) {
  TRY(sys::ensure_directory(notes_of(container), kMode));
  auto lock = TRY(os::FileLock::try_acquire(notes_of(container) + "/lock"));
  if (lock) return std::move(*lock);
  return fail(Error::message("another process is exporting this container", EBUSY)
                  .because(notes_of(container) + "/lock is held")
                  .hint("wait for it, or end that process"));
}

// Which start of the container this is: init's number, and when it began (field 22 of /proc/PID/stat).
Result<std::string> run_of(const Container& container) {
  const pid_t init = TRY(container.client().init_pid());
  const std::string stat = TRY(sys::read_file(strings::cat("/proc/", init, "/stat")));
  const auto fields = strings::split_words(std::string_view(stat).substr(stat.rfind(')') + 1), " \n");
  constexpr std::size_t kBegin = 19;  // after the name, which is the second field
  if (fields.size() <= kBegin) return fail(strings::cat("/proc/", init, "/stat says nothing of its begin"));
  return strings::cat(init, " ", fields[kBegin]);
}

Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

// Also one that was stopped meanwhile is in no need of it any more.
Status thaw(const Container& container) {
  if (TRY(export_left_frozen(container))) {
    Status thawed = container.unfreeze();
    if (!thawed && TRY(container.state()) == State::kFrozen) return thawed;
  }
  return forgive_absence(sys::unlink(frozen_note(container)));
}

// A state whose archive was not complete: nothing may start from it.
Status drop_state(const Container& container) {
  const auto conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return {};
  const auto* store = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
  return store->traits().can_send ? store->end_send(conf.rootfs.path, false) : Status{};
}

// With the lock.
Status clean_notes(const Container& container) {
  if (sys::exists(sending_note(container))) TRY_CONTEXT(drop_state(container), "cannot remove the state that was to be sent");
  TRY_CONTEXT(thaw(container), "cannot thaw what an export that was killed left frozen");
  return destroy_recorded_roots(notes_of(container));
}

}  // namespace

StillContainer::StillContainer(StillContainer&& other) noexcept
    : container_(other.container_),
      held_(std::exchange(other.held_, std::nullopt)),
      exporting_(std::exchange(other.exporting_, std::nullopt)),
      store_(other.store_),
      root_(std::move(other.root_)),
      snapshot_(std::exchange(other.snapshot_, {})),
      state_(std::exchange(other.state_, {})),
      frozen_(std::exchange(other.frozen_, false)) {}

Result<StillContainer> StillContainer::hold(const Container& container, const config::Conf& conf, Stillness how) {
  StillContainer still(container);
  if (!conf.rootfs.path.empty()) {
    still.store_ = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
    still.root_ = conf.rootfs.path;
  }
  if (TRY(container.state()) != State::kStopped) still.held_ = TRY(lock_copied(container));
  if (TRY(container.state()) == State::kStopped) {
    still.held_.reset();  // of one that has just stopped it may be the lock of those that run
    still.held_ = TRY(lock_whole(container, ""));
    TRY(end_killed_export(container));
    TRY(complete_rename(container));
    if (how == Stillness::kStream) TRY(still.begin_stream());
    return still;
  }
  TRY(still.hold_running(conf, how));
  return still;
}

Status StillContainer::hold_running(const config::Conf& conf, Stillness how) {
  if (how == Stillness::kStream) return begin_stream();
  if (store_ == nullptr || how == Stillness::kNone) return {};
  exporting_ = TRY(claim_notes(*container_));
  TRY(clean_notes(*container_));
  if (how == Stillness::kAny && TRY(take_snapshot(conf.rootfs.path))) return {};
  if (store_->traits().is_block && how != Stillness::kFrozen) return fail(may_not_run(*store_, conf));
  return freeze();
}

Status StillContainer::begin_stream() {
  exporting_ = TRY(claim_notes(*container_));
  TRY(clean_notes(*container_));
  TRY(sys::replace_file(sending_note(*container_), ""));
  state_ = TRY_CONTEXT(store_->begin_send(root_), "cannot keep the state that is to be sent");
  return {};
}

Status StillContainer::keep_state() {
  TRY(store_->end_send(root_, true));
  state_.clear();
  return {};
}

// False: this storage has none that would help.
Result<bool> StillContainer::take_snapshot(const std::string& path) {
  const auto& traits = store_->traits();
  if (!store_->snapshots_of(*store_)) return false;
  if (traits.in_directory && TRY(store_->snapshot_needs_source(*store_, path))) return false;  // it would change with its source
  const std::string notes = notes_of(*container_), name = container_->name() + "-exporting";
  std::string place = traits.in_directory ? TRY(store_->place({notes, name}, {})) : strings::cat(os::parent(path), "/", name);
  place = TRY(store_->snapshot_path(*store_, path, place));
  TRY(record_root(notes, *store_, place));
  snapshot_ = place;
  auto made = store_->snapshot(*store_, path, place, {});
  if (made) {
    root_ = place;
    return true;
  }
  snapshot_.clear();
  TRY(forget_undone_roots(notes));  // it took back what it made
  if (made.error().code() == EOPNOTSUPP || made.error().code() == EXDEV) return false;
  return fail(std::move(made.error()).context("cannot take a snapshot to export from"));
}

Status StillContainer::freeze() {
  if (TRY(container_->state()) == State::kFrozen) return {};
  TRY(sys::replace_file(frozen_note(*container_), TRY(run_of(*container_))));
  frozen_ = true;
  return with_context(container_->freeze(), "cannot freeze the container for the time of the copy");
}

Status StillContainer::release() {
  Status ended = exporting_ ? end_notes() : Status{};
  exporting_.reset();
  held_.reset();
  return ended;
}

Status StillContainer::end_notes() {
  if (!std::exchange(state_, {}).empty())
    TRY_CONTEXT(store_->end_send(root_, false), "cannot remove the state that was to be sent");
  if (std::exchange(frozen_, false)) TRY_CONTEXT(thaw(*container_), "the container is still frozen: lxc-unfreeze thaws it");
  TRY_CONTEXT(destroy_recorded_roots(notes_of(*container_)), "cannot remove the snapshot that was exported");
  return storage::remove_tree(notes_of(*container_));
}

Status forget_shared_state(const Container& container) {
  TRY(check_defined(container));
  TRY(check_complete(container));
  const bool runs = TRY(container.state()) != State::kStopped;
  const os::FileLock whole = TRY(runs ? lock_copied(container) : lock_whole(container, ""));
  const auto conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return fail("the container has no root file system");
  const auto* store = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
  const os::FileLock held = TRY(claim_notes(container));
  TRY(clean_notes(container));
  TRY(store->forget_shared_state(conf.rootfs.path));
  return storage::remove_tree(notes_of(container));
}

Status end_killed_export(const Container& container) {
  if (!sys::exists(notes_of(container))) return {};
  const os::FileLock held = TRY(claim_notes(container));
  TRY(clean_notes(container));
  return storage::remove_tree(notes_of(container));
}

Result<bool> export_was_killed(const Container& container) {
  if (!sys::exists(notes_of(container))) return false;
  if (!sys::exists(notes_of(container) + "/lock")) return true;
  return !!TRY(os::FileLock::try_acquire(notes_of(container) + "/lock"));
}

Result<bool> export_left_frozen(const Container& container) {
  const auto noted = sys::read_file(frozen_note(container));
  if (!noted && noted.error().code() == ENOENT) return false;
  if (!noted) return fail(noted.error());
  if (TRY(container.state()) != State::kFrozen) return false;
  const auto run = run_of(container);
  if (run) return *run == *noted;
  if (TRY(container.state()) != State::kFrozen) return false;
  return fail(run.error());
}

}  // namespace berth::runtime
