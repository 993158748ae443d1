// Runs in: the commands that copy a container.
#include "runtime/clone.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <utility>

#include "base/strings.hpp"
#include "os/lock.hpp"
#include "os/paths.hpp"
#include "runtime/clone_job.hpp"
#include "runtime/config_hook.hpp"
#include "runtime/durable.hpp"
#include "runtime/full_root.hpp"
#include "runtime/hold.hpp"
#include "runtime/host_name_file.hpp"
#include "runtime/new_directory.hpp"
#include "runtime/rename.hpp"
#include "runtime/root_journal.hpp"
#include "runtime/root_namespace.hpp"
#include "storage/backing_store.hpp"
#include "storage/tree/copy_tree.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

constexpr mode_t kPermissions = 07777, kDirectoryMode = 0755;
constexpr std::string_view kStandingStill = "standing-still";
constexpr std::string_view kOrAllow = ", or add --allowrunning";

// --- doing it ------------------------------------------------------------------------------------------------------------
class Cloner {
 public:
  Cloner(const Container& source, const CloneJob& job, const CloneDraft& draft)
      : source_(source), job_(job), draft_(draft), directory_(draft.target) {}

  Status run() {
    TRY_CONTEXT(directory_.claim(NewDirectory::Existing::kNothing), strings::cat("cannot make ", draft_.target.name()));
    claimed_ = true;
    if (draft_.store != nullptr) TRY(make_root());
    TRY(copy_files());
    for (const auto& [name, text] : job_.files) TRY(sys::replace_file(path_of(name), text, sys::kDefaultFileMode, durable()));
    TRY(write_config());
    TRY(take_over_permissions());
    TRY(run_hooks());
    TRY(place_root());
    TRY(sync());
    TRY(directory_.complete());
    // It is whole now, and stays so: a journal that can't be removed says nothing any more.
    if (job_.journal.empty()) static_cast<void>(forget_roots(journal()));
    return {};
  }

  Status undo() {
    if (!claimed_) return {};
    for (const std::string& root : made_) TRY(store_of_made(root).destroy(root));
    TRY(forget_undone_roots(journal()));
    if (told_sources_) TRY(forget_sources(draft_.target.directory(), identity()));
    return directory_.undo();
  }

 private:
  [[nodiscard]] std::string path_of(std::string_view name) const { return strings::cat(draft_.target.directory(), "/", name); }

  [[nodiscard]] std::string journal() const { return job_.journal.empty() ? draft_.target.directory() : job_.journal; }

  // As whom others know the copy when all is done.
  [[nodiscard]] Dependence identity() const {
    if (job_.final_directory.empty()) return {draft_.target.lxcpath(), draft_.target.name()};
    return {std::string(os::parent(job_.final_directory)), std::string(os::last_component(job_.final_directory))};
  }

  [[nodiscard]] const storage::BackingStore& store_of_made(const std::string& root) const {
    return root == draft_.root ? *draft_.store : *draft_.source;
  }

  // Whom it needs is told before it can need anything.
  Status make_root() {
    told_sources_ = job_.final_directory.empty();  // a container that is restored was known to them before
    TRY(add_dependence(draft_.target.directory(), identity(), draft_.sources));
    TRY(record_root(journal(), *draft_.store, draft_.root));
    TRY(draft_.share ? share_root() : copy_root());
    if (job_.request.keep_name) return {};
    Status named = write_name();
    if (named) return named;
    return fail(told_of_full_root(std::move(named.error()), *draft_.store, draft_.root, source_, job_.request.specs.size));
  }

  // The first write into a copy that shares all its data.
  Status write_name() {
    storage::View view = TRY(view_of_copy(storage::Access::kWrite));
    TRY(write_hostname(view.directory(), draft_.target.name(), durable()));
    return view.close();
  }

  // A kind that can share may find that it can't here (loop on a host file system without shared blocks).
  Status share_root() {
    Status shared = forget_if_taken(journal(), *draft_.store, draft_.root,
                                    draft_.store->snapshot(*draft_.source, draft_.conf.rootfs.path, draft_.root, draft_.specs));
    const bool may_copy = job_.request.maybe_snapshot && !job_.request.snapshot && draft_.sources.empty();
    if (shared) made_.push_back(draft_.root);  // else it took back what it made
    settled_ = shared.has_value() && draft_.store->snapshot_settles(*draft_.source);
    return !shared && shared.error().code() == EOPNOTSUPP && may_copy ? copy_root() : shared;
  }

  Status copy_root() {
    storage::Progress nobody;
    storage::Progress& progress = job_.request.progress == nullptr ? nobody : *job_.request.progress;
    const std::string still = TRY(stand_still());
    const std::string& source = still.empty() ? draft_.conf.rootfs.path : still;
    progress.begin("copying the root file system", 0);
    TRY(draft_.store->copy(*draft_.source, source, draft_.root, draft_.specs, progress));
    made_.push_back(draft_.root);
    if (still.empty()) return {};
    TRY(draft_.source->destroy(still));
    return storage::remove_tree(path_of(kStandingStill));
  }

  // A snapshot of a source that runs, for a copy that is of one moment: its path; empty where there is none.
  Result<std::string> stand_still() {
    const storage::BackingStore& store = *draft_.source;
    const std::string& source = draft_.conf.rootfs.path;
    if (!job_.request.allow_running || !store.snapshots_of(store) || TRY(source_.state()) == State::kStopped) return "";
    if (store.traits().in_directory && TRY(store.snapshot_needs_source(store, source))) return "";  // copies what changes itself
    const std::string pool_name = strings::cat(draft_.target.name(), "-", kStandingStill);
    const std::string beside = strings::cat(os::parent(source), "/", pool_name);
    if (!store.traits().in_directory) return still_at(beside);
    const std::string directory = path_of(kStandingStill);
    TRY(sys::ensure_directory(directory, kDirectoryMode));
    const auto place = store.place({directory, pool_name}, {});
    std::string still = place ? TRY(still_at(*place)) : "";
    // The copy may be on another file system than the source, where a snapshot of that can't be.
    return still.empty() ? still_at(beside) : still;
  }

  // Empty: there can be none, and what there is is copied, as LXC does.
  Result<std::string> still_at(const std::string& wanted) {
    const storage::BackingStore& store = *draft_.source;
    const std::string& source = draft_.conf.rootfs.path;
    const std::string place = TRY(store.snapshot_path(store, source, wanted));
    TRY(record_root(journal(), store, place));
    auto made = store.snapshot(store, source, place, {});
    if (!made && (made.error().code() == EXDEV || made.error().code() == EOPNOTSUPP)) return "";
    if (!made) return fail(std::move(made.error()));
    made_.push_back(place);
    return place;
  }

  // Nobody uses it any more. A restored one gets its place when it takes that of the old one.
  Status place_root() {
    if (draft_.store == nullptr || !job_.final_directory.empty()) return {};
    return draft_.store->moved(draft_.root, {draft_.target.directory(), draft_.target.name()});
  }

  Result<storage::View> view_of_copy(storage::Access access) {
    return storage::View::open(TRY(draft_.store->attach(draft_.root, access)), access);
  }

  [[nodiscard]] sys::Durable durable() const { return settled_ ? sys::Durable::kNow : sys::Durable::kLater; }

  // The text names them where they will be in the end; they are made where the copy is made.
  Status copy_files() {
    settled_ = settled_ && draft_.text.files.empty();
    const std::string final = job_.final_directory.empty() ? draft_.target.directory() : job_.final_directory;
    for (const auto& [path, target] : draft_.text.files) {
      const std::string here = draft_.target.directory() + target.substr(final.size());
      const bool included_directory = S_ISDIR(TRY(sys::stat(path)).st_mode);
      if (included_directory) TRY(sys::ensure_directory(here, kDirectoryMode));
      if (included_directory) continue;
      TRY(sys::ensure_directory(std::string(os::parent(here)), kDirectoryMode));
      TRY_CONTEXT(storage::copy_file(path, here), "cannot copy a file that the configuration names");
    }
    return {};
  }

  // Where only a few files are written, each is synced at once: the whole file system may have much to write that is not ours.
  Status sync() { return settled_ ? Status{} : sync_container(draft_.target.directory(), draft_.store, draft_.root); }

  Status write_config() {
    const auto like = TRY(sys::kind_of(source_.config_file()));
    return with_context(sys::create_file_like(draft_.target.config_file(), draft_.text.text, like, durable()),
                        "cannot write the configuration");
  }

  // Under an id map the container's root must be able to come through its directory, in the copy as in the source.
  Status take_over_permissions() {
    const auto like = sys::stat(source_.directory());
    if (!like && like.error().code() == ENOENT) return {};  // it is --rcfile's alone
    if (!like) return fail(like.error());
    TRY(sys::chown(draft_.target.directory(), like->st_uid, like->st_gid));
    return sys::chmod(draft_.target.directory(), like->st_mode & kPermissions);
  }

  Status run_hooks() {
    const config::Conf conf = TRY(draft_.target.load());
    if (conf.hooks.commands[static_cast<std::size_t>(config::HookType::kClone)].empty()) return {};
    settled_ = false;  // they write what they like
    std::optional<storage::View> view;
    std::optional<RootNamespace> place;
    if (draft_.store != nullptr) {
      view.emplace(TRY(view_of_copy(storage::Access::kWrite)));
      place.emplace(TRY(RootNamespace::open(*view, draft_.target.directory() + "/rootfs")));
    }
    std::vector<std::string> environment{"LXC_SRC_NAME=" + source_.name()};
    if (draft_.store != nullptr) environment.push_back("LXC_ROOTFS_PATH=" + storage::rootfs_value(*draft_.store, draft_.root));
    TRY(run_config_hooks({.container = draft_.target,
                          .conf = conf,
                          .type = config::HookType::kClone,
                          .root_mount = place ? place->directory() : "",
                          .mounts = place ? place->mounts() : -1,
                          .environment = std::move(environment),
                          .arguments = job_.request.hook_arguments,
                          .hint = "repair the hook or remove its line; the copy has been removed"}));
    place.reset();
    return view ? view->close() : Status{};
  }

  const Container& source_;
  const CloneJob& job_;
  const CloneDraft& draft_;
  NewDirectory directory_;
  std::vector<std::string> made_;  // roots
  bool claimed_ = false, told_sources_ = false;
  bool settled_ = false;  // no file waits to be written: what is written from now on is synced at once
};

Result<os::FileLock> hold_source(const Container& source, const CloneJob& job) {
  if (job.request.allow_running) return lock_copied(source);
  TRY(check_stopped(source, kOrAllow));
  return lock_whole(source, kOrAllow);
}

Result<Container> make(const Container& source, const CloneJob& job) {
  TRY(check_defined(source));
  TRY(check_complete(source));
  std::optional<os::FileLock> held;
  if (!job.source_held) held = TRY(hold_source(source, job));
  TRY(check_defined(source));  // who held it before may have removed it
  if (job.source_held || !job.request.allow_running) TRY(complete_rename(source));
  CloneDraft draft = TRY(plan_clone(source, job));
  Cloner cloner(source, job, draft);
  auto outcome = cloner.run();
  if (outcome) return std::move(draft.target);
  Error error = std::move(outcome.error());
  if (const auto undone = cloner.undo(); !undone && job.journal.empty())
    error = with_way_out(std::move(error), draft.target, undone.error());
  else if (!undone)
    error = std::move(error).hint(strings::cat(undone.error().line(), ": repeating this removes it first"));
  return fail(std::move(error));
}

}  // namespace

Result<Container> run_clone(const Container& source, const CloneJob& job) { return make(source, job); }

Result<Container> clone(const Container& source, const CloneRequest& request) {
  return with_context(run_clone(source, CloneJob{.request = request}), "cannot copy");
}

}  // namespace berth::runtime
