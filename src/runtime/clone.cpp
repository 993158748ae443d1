// Runs in: the commands that copy a container.
#include "runtime/clone.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <utility>

#include "base/strings.hpp"
#include "config/parser.hpp"
#include "config/unexpanded.hpp"
#include "os/lock.hpp"
#include "os/paths.hpp"
#include "runtime/clone_job.hpp"
#include "runtime/config_hook.hpp"
#include "runtime/hold.hpp"
#include "runtime/host_name_file.hpp"
#include "runtime/moved_config.hpp"
#include "runtime/new_directory.hpp"
#include "runtime/rename.hpp"
#include "storage/backing_store.hpp"
#include "storage/tree/copy_tree.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

constexpr mode_t kPermissions = 07777, kDirectoryMode = 0755;
constexpr std::string_view kOrAllow = ", or add --allowrunning";

// --- what to do, decided before anything is made --------------------------------------------------------------------------
struct CloneDraft {
  Container target;
  config::Conf conf;                              // of the source
  const storage::BackingStore* source = nullptr;  // nullptr: there is no root file system
  const storage::BackingStore* store = nullptr;   // of the copy
  bool share = false;                             // the copy shares data with the source
  std::string root;                               // of the copy, where it is made
  MovedConfig text;
};

Result<Container> target_of(const Container& source, const CloneRequest& request) {
  const std::string& name = request.name.empty() ? source.name() : request.name;
  Container target = TRY(Container::open(name, request.lxcpath.empty() ? source.lxcpath() : request.lxcpath));
  if (target.directory() != source.directory()) return target;
  return fail(Error::message("the copy would be the container itself", EEXIST)
                  .because(source.directory())
                  .hint("give the copy another name (--newname) or another lxcpath (--newpath)"));
}

Status choose_stores(CloneDraft& draft, const CloneRequest& request) {
  const config::RootfsConf& rootfs = draft.conf.rootfs;
  if (rootfs.path.empty()) return {};
  auto source = storage::store_of(rootfs.type, rootfs.path);
  if (!source) return fail(std::move(source.error()).set_by(draft.conf.origin("lxc.rootfs.path")));
  draft.source = *source;
  draft.store = request.bdev.empty() || request.keep_store ? draft.source : TRY(storage::find_store(request.bdev));
  const bool may_share = draft.store == draft.source && draft.store->traits().can_snapshot;
  draft.share = may_share && (request.snapshot || request.maybe_snapshot);
  if (request.snapshot && !may_share)
    return fail(Error::message(
                    strings::cat("a root file system of type ", draft.source->traits().name, " can't share its data with a copy"),
                    EOPNOTSUPP)
                    .because("the overlay store, which can, comes later")
                    .hint("make a full copy: leave out --snapshot, or say --maybe-snapshot")
                    .set_by(draft.conf.origin("lxc.rootfs.path")));
  if (request.new_size != 0 && !draft.store->traits().is_block)
    return fail(Error::message(strings::cat("a root file system of type ", draft.store->traits().name, " has no size of its own"))
                    .hint("leave out the size (--fssize)"));
  return {};
}

ConfigMove move_of(const Container& source, const CloneDraft& draft, const CloneJob& job) {
  ConfigMove move;
  move.from = source.directory();
  move.to = job.final_directory.empty() ? draft.target.directory() : job.final_directory;
  if (draft.store != nullptr) {
    move.from_root = os::normalise(draft.conf.rootfs.path);
    move.to_root = draft.store->place(move.to);
    move.rootfs_value = storage::rootfs_value(*draft.store, move.to_root);
  }
  if (!job.request.keep_name) move.name = draft.target.name();
  move.new_hwaddr = !job.request.keep_hwaddr;
  return move;
}

Result<CloneDraft> prepare(const Container& source, const CloneJob& job) {
  CloneDraft draft{TRY(target_of(source, job.request)), {}, nullptr, nullptr, false, {}, {}};
  draft.conf = TRY(source.load());
  TRY(choose_stores(draft, job.request));
  if (draft.store != nullptr) draft.root = draft.store->place(draft.target.directory());
  draft.text = TRY(move_config(draft.conf, move_of(source, draft, job)));
  for (const auto& [key, value] : job.request.added_lines) {
    TRY(config::set_item(draft.conf, key, value));  // for the error of a bad one
    config::append_line(draft.text.text, key, value);
  }
  return draft;
}

// --- doing it ------------------------------------------------------------------------------------------------------------
class Cloner {
 public:
  Cloner(const Container& source, const CloneJob& job, const CloneDraft& draft)
      : source_(source), job_(job), draft_(draft), directory_(draft.target) {}

  Status run() {
    TRY_CONTEXT(directory_.claim(NewDirectory::Existing::kNothing), strings::cat("cannot make ", draft_.target.name()));
    if (draft_.store != nullptr) TRY(copy_root());
    TRY(copy_files());
    for (const auto& [name, text] : job_.files) TRY(sys::replace_file(path_of(name), text));
    TRY(write_config());
    TRY(take_over_permissions());
    TRY(run_hooks());
    TRY(sync());
    return directory_.complete();
  }

  Status undo() { return directory_.undo(); }

 private:
  [[nodiscard]] std::string path_of(std::string_view name) const { return strings::cat(draft_.target.directory(), "/", name); }

  Status copy_root() {
    const std::string& source = draft_.conf.rootfs.path;
    if (draft_.share) TRY(draft_.store->snapshot(source, draft_.root));
    if (!draft_.share) TRY(draft_.store->copy(TRY(draft_.source->directory_of(source)), draft_.root));
    if (job_.request.keep_name) return {};
    return write_hostname(TRY(draft_.store->directory_of(draft_.root)), draft_.target.name());
  }

  // The text names them where they will be in the end; they are made where the copy is made.
  Status copy_files() {
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

  // Nothing may look complete whose files are empty after the power failed. The root may be on a file system of its own.
  Status sync() {
    if (draft_.store != nullptr) TRY(sync_filesystem_of(TRY(draft_.store->directory_of(draft_.root))));
    return sync_filesystem_of(draft_.target.directory());
  }

  static Status sync_filesystem_of(const std::string& path) {
    const Fd directory = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
    return sys::sync_filesystem(directory.get(), path);
  }

  Status write_config() {
    const auto like = TRY(sys::kind_of(source_.config_file()));
    return with_context(sys::create_file_like(draft_.target.config_file(), draft_.text.text, like),
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
    const std::string root = draft_.store == nullptr ? "" : TRY(draft_.store->directory_of(draft_.root));
    std::vector<std::string> environment{"LXC_SRC_NAME=" + source_.name()};
    if (draft_.store != nullptr) environment.push_back("LXC_ROOTFS_PATH=" + storage::rootfs_value(*draft_.store, draft_.root));
    return run_config_hooks({.container = draft_.target,
                             .conf = conf,
                             .type = config::HookType::kClone,
                             .root_mount = root,
                             .environment = std::move(environment),
                             .arguments = job_.request.hook_arguments,
                             .hint = "repair the hook or remove its line; the copy has been removed"});
  }

  const Container& source_;
  const CloneJob& job_;
  const CloneDraft& draft_;
  NewDirectory directory_;
};

Result<Container> make(const Container& source, const CloneJob& job) {
  TRY(check_defined(source));
  TRY(check_complete(source));
  std::optional<os::FileLock> held;
  if (!job.request.allow_running && !job.source_held) {
    TRY(check_stopped(source, kOrAllow));
    held = TRY(lock_stopped(source, kOrAllow));
  }
  const bool is_held = held || job.source_held;
  TRY(is_held ? complete_rename(source) : complete_rename_alone(source));
  CloneDraft draft = TRY(prepare(source, job));
  Cloner cloner(source, job, draft);
  auto outcome = cloner.run();
  if (outcome) return std::move(draft.target);
  Error error = std::move(outcome.error());
  if (const auto undone = cloner.undo(); !undone)
    error = std::move(error).hint(strings::cat("remove what is left by hand: ", undone.error().line()));
  return fail(std::move(error));
}

}  // namespace

Result<Container> run_clone(const Container& source, const CloneJob& job) { return make(source, job); }

Result<Container> clone(const Container& source, const CloneRequest& request) {
  return with_context(run_clone(source, CloneJob{.request = request}), "cannot copy");
}

}  // namespace berth::runtime
