// Runs in: the command berth doctor.
#include "runtime/doctor.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "base/strings.hpp"
#include "os/mount_table.hpp"
#include "os/paths.hpp"
#include "runtime/backup/still_root.hpp"
#include "runtime/dependants.hpp"
#include "runtime/destroy.hpp"
#include "runtime/destroy_mark.hpp"
#include "runtime/hold.hpp"
#include "runtime/partial.hpp"
#include "runtime/rename.hpp"
#include "runtime/restore_in_place.hpp"
#include "runtime/root_journal.hpp"
#include "runtime/snapshot.hpp"
#include "storage/backing_store.hpp"
#include "storage/block/probe.hpp"
#include "storage/nbd/device.hpp"
#include "storage/nbd/nbd_store.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

class Doctor {
 public:
  Doctor(const Container& container, bool repair) : container_(container), directory_(container.directory()), repair_(repair) {}

  Result<std::vector<Finding>> run() {
    const Creation creation = TRY(creation_state(directory_));
    if (creation == Creation::kOngoing) return std::move(findings_);
    if (creation == Creation::kCrashed)
      add("a creation or a copy that was killed", "remove what it made", [this] { return remove_crashed(container_, false); });
    if (sys::exists(directory_ + "/partial")) return std::move(findings_);
    if (!container_.defined()) return without_configuration();
    if (TRY(is_at_work())) return std::move(findings_);
    if (sys::stat_link(destroy_mark_of(container_))) {
      add_if_still("a destroy that was killed or failed: files of the container may be missing", "destroy what is left of it",
                   [this] { return end_killed_destroy(container_); });
      return std::move(findings_);
    }
    TRY(look_at_export());
    TRY(look_at_rename());
    look_at_leftovers();
    TRY(look_at_root());
    TRY(look_at_dependence());
    TRY(look_at_snapshots());
    return std::move(findings_);
  }

 private:
  // `act` looks again under the lock that those take who could be quicker. False: there is nothing to do any more, and what is
  // there now is not what was found.
  void add_if_still(std::string what, std::string remedy, const std::function<Result<bool>()>& act) {
    Finding finding{.directory = directory_, .what = std::move(what), .remedy = std::move(remedy)};
    if (repair_) {
      const auto done = act();
      finding.repaired = done.has_value();
      if (!done) finding.failure = done.error().line();
      if (done && !*done) finding.remedy = "nothing to do any more, others were quicker";
    }
    findings_.push_back(std::move(finding));
  }
  // Of an `act` for which that makes no difference.
  void add(std::string what, std::string remedy, const std::function<Status()>& act) {
    add_if_still(std::move(what), std::move(remedy), [&]() -> Result<bool> {
      TRY(act());
      return true;
    });
  }
  void only_tell(std::string what) { findings_.push_back({.directory = directory_, .what = std::move(what)}); }

  // For remedies that no other command brings along: nobody starts, copies or renames it meanwhile.
  Status locked(const std::function<Status()>& act) {
    const os::FileLock held = TRY(lock_whole(container_, ""));
    return act();
  }
  // For what is a leftover only where nothing is half done: between the look and the lock others were at work perhaps, and
  // failed.
  Status locked_and_whole(const std::function<Status()>& act) {
    return locked([&]() -> Status {
      TRY(check_defined(container_));
      if (!rename_is_incomplete(container_)) return act();
      return fail(Error::message("a rename or a restore is half done", EBUSY).hint("look again: berth doctor ends it"));
    });
  }

  // Somebody holds the container: what looks like a leftover is his.
  Result<bool> is_at_work() {
    const auto held =
        TRY(os::FileLock::try_acquire(TRY(os::ensure_container_lock_file(container_.lxcpath(), container_.name()))));
    return !held;
  }

  // Nobody but lxc-snapshot makes directories there.
  [[nodiscard]] bool is_snapshot() const {
    return os::last_component(container_.lxcpath()) == "snaps" &&
           sys::exists(strings::cat(os::parent(container_.lxcpath()), "/config"));
  }

  // Who takes a snapshot holds its container, and begins with a directory that is empty.
  Status remove_empty_snapshot() {
    const std::string owner(os::parent(container_.lxcpath()));
    const os::FileLock held = TRY(os::FileLock::acquire(
        TRY(os::ensure_container_lock_file(std::string(os::parent(owner)), std::string(os::last_component(owner))))));
    return sys::remove_directory(directory_);
  }

  Result<std::vector<Finding>> without_configuration() {
    const auto entries = sys::list_directory(directory_);
    if (!entries && (entries.error().code() == ENOTDIR || entries.error().code() == ENOENT)) return std::move(findings_);
    if (!entries) return fail(entries.error());
    if (container_.name() == "lost+found") return std::move(findings_);  // fsck's
    if (entries->empty() && is_snapshot())
      add("an empty directory, as a destroy that was killed leaves it", "remove it", [this] { return remove_empty_snapshot(); });
    else if (is_end_of_destroy(directory_))
      add_if_still("the end of a destroy that was killed", "remove it", [this] { return end_killed_destroy(container_); });
    else if (entries->empty())
      only_tell("an empty directory: the place for a mount, or the end of a destroy that was killed (lxc-destroy removes it)");
    else
      only_tell("a directory without a configuration");
    return std::move(findings_);
  }

  // --- renames and restores -------------------------------------------------------------------------------------------------
  Status look_at_rename() {
    if (rename_is_incomplete(container_)) {
      add("a rename or a restore that was killed between its moves", "bring it to its end",
          [this] { return complete_rename_alone(container_); });
    } else if (TRY(has_preparation(container_))) {
      add("the preparation of a rename that was killed before it moved anything", "remove it",
          [this] { return locked_and_whole([this] { return remove_preparation(container_); }); });
    }
    if (sys::stat_link(staging_of(container_)))
      add("what a restore that was killed has copied or replaced", "remove it",
          [this] { return locked([this] { return remove_staging(container_); }); });
    return {};
  }

  // Also of a container that runs: it may have been left frozen.
  Status look_at_export() {
    if (!TRY(export_was_killed(container_))) return {};
    const bool stands = TRY(export_left_frozen(container_));
    add(stands ? "an export that was killed, and left the container frozen" : "an export that was killed",
        stands ? "thaw the container, remove what the export made" : "remove what it made",
        [this] { return end_killed_export(container_); });
    return {};
  }

  void look_at_leftovers() {
    if (sys::exists(strings::cat(directory_, "/", kRootJournal)))
      add("the journal of a root file system that is complete", "remove the journal",
          [this] { return locked_and_whole([this] { return forget_roots(directory_); }); });
    const std::string earlier = directory_ + "/config.before-create";
    if (sys::exists(earlier))
      add("the configuration that was there before a creation that is complete", "remove it",
          [this, earlier] { return locked_and_whole([&] { return forgive_absence(sys::unlink(earlier)); }); });
  }

  // --- the root file system -------------------------------------------------------------------------------------------------
  Status look_at_root() {
    const auto conf = container_.load();
    if (!conf) {
      only_tell(strings::cat("its configuration can't be read: ", conf.error().line()));
      return {};
    }
    const config::RootfsConf& rootfs = conf->rootfs;
    if (rootfs.path.empty()) return {};
    const auto store = storage::store_of(rootfs.type, rootfs.path);
    if (!store) {
      only_tell(store.error().line());
      return {};
    }
    const std::string value = storage::rootfs_value(**store, rootfs.path);
    if (!(*store)->owns(rootfs.path))
      only_tell(strings::cat("the root file system ", value, " is not there, or of another type"));
    if (TRY(container_.state()) != State::kStopped) return {};
    if ((*store)->traits().name == "nbd") TRY(look_at_connection(rootfs.path));
    return look_at_uses(rootfs.path, value);
  }

  // What a killed operation left. In use by whomever, also in another mount namespace, it stays.
  Status look_at_connection(const std::string& path) {
    const std::string file = storage::nbd::parse_path(path).file;
    const auto device = TRY(storage::nbd::find_device(file));
    if (!device) return {};
    const std::string what = strings::cat(*device, " is still connected to ", file);
    if (TRY(storage::block::is_in_use(*device)))
      only_tell(what + ", and in use");
    else
      add(what, "disconnect it", [this, &file] { return locked([&] { return storage::disconnect_unused_nbd(file); }); });
    return {};
  }

  // Of a container that is stopped. Others than a killed operation may have made them, so they are told and no more.
  Status look_at_uses(const std::string& path, const std::string& value) {
    for (const auto& [name, type] : TRY(sys::list_directory("/sys/block"))) {
      const auto file = sys::read_file(strings::cat("/sys/block/", name, "/loop/backing_file"));
      if (file && strings::trim(*file) == path) only_tell(strings::cat("/dev/", name, " is still connected to ", value));
    }
    for (const auto& mount : TRY(os::load_mount_table()))
      if (mount.source == path) only_tell(strings::cat(value, " is still mounted on ", mount.target));
    return {};
  }

  // --- whom it needs, and who needs it --------------------------------------------------------------------------------------
  Status look_at_dependence() {
    const Dependence own{container_.lxcpath(), container_.name()};
    if (TRY(has_unfinished_lists(container_)))
      add("a list of who needs whom whose writing was killed", "remove it, the list itself is whole",
          [this] { return locked([this] { return remove_unfinished_lists(container_); }); });
    for (const Dependence& clone : TRY(dependants_of(container_))) look_at_clone(own, clone);
    const auto sources = TRY(sources_of(directory_));
    for (const Dependence& source : sources) {
      const auto container = Container::open(source.second, source.first);
      if (!container || !container->defined()) {
        only_tell(strings::cat("it needs the storage of ", source.first, "/", source.second, ", which is gone"));
        continue;
      }
      const auto known = TRY(dependants_of(*container));
      if (std::ranges::find(known, own) == known.end() && !is_own_snapshot(source, own))
        add_if_still(strings::cat(container->directory(), " does not know that this clone depends on it"),
                     "write it into its lxc_snapshots", [&] { return tell_source(own, source); });
    }
    return {};
  }

  // Another container may have the name by now, which needs nobody. One that runs is held too.
  Result<bool> tell_source(const Dependence& own, const Dependence& source) {
    if (!container_.defined()) return false;
    const os::FileLock held = TRY(lock_copied(container_));
    const auto sources = TRY(sources_of(directory_));
    if (std::ranges::find(sources, source) == sources.end()) return false;
    TRY(add_dependence(directory_, own, sources));
    return true;
  }

  // Where this container is seen, whatever else is there is seen too. Every other lxcpath may lie on what is not mounted now:
  // a clone that is forgotten then loses what it is made of with the next destroy.
  [[nodiscard]] bool is_own_place(const std::string& lxcpath) const {
    const std::string place = os::normalise(lxcpath);
    return place == os::normalise(container_.lxcpath()) || os::is_below(place, os::normalise(directory_));
  }

  void look_at_clone(const Dependence& own, const Dependence& clone) {
    const std::string directory = strings::cat(clone.first, "/", clone.second);
    if (sys::exists(directory + "/partial")) return;
    const auto there = sys::stat_link(directory);
    if (!there && there.error().code() != ENOENT)
      return only_tell(strings::cat("its clone ", directory, " can't be seen: ", there.error().line()));
    if (!there && !is_own_place(clone.first))
      return only_tell(strings::cat("its list of clones has ", directory, ", which is not there: mount what ", clone.first,
                                    " lies on; if the clone is gone for good, take its two lines out of ", directory_,
                                    "/lxc_snapshots"));
    if (!there)
      return add_if_still(strings::cat("its list of clones has ", directory, ", which is gone"), "take it out of the list",
                          [&] { return forget_absent_dependant(own, clone); });
    const auto sources = sources_of(directory);
    if (sources && std::ranges::find(*sources, own) == sources->end())
      only_tell(strings::cat("its list of clones has ", directory, ", which does not say that it depends on it"));
  }

  Status look_at_snapshots() {
    for (const auto& place : snapshot_directories(container_)) {
      const auto entries = sys::list_directory(place);
      if (!entries && entries.error().code() == ENOENT) continue;
      if (!entries) return fail(entries.error());
      for (const auto& entry : *entries) {
        const auto snapshot = Container::open(entry.name, place);
        const auto info = sys::stat_link(strings::cat(place, "/", entry.name));
        if (!snapshot || (info && !S_ISDIR(info->st_mode))) {
          only_tell(strings::cat("no snapshot: ", place, "/", entry.name));
          continue;
        }
        auto found = TRY(examine(*snapshot, repair_));
        std::ranges::move(found, std::back_inserter(findings_));
      }
    }
    return {};
  }

  const Container& container_;
  std::string directory_;
  bool repair_;
  std::vector<Finding> findings_;
};

}  // namespace

Result<std::vector<Finding>> examine(const Container& container, bool repair) { return Doctor(container, repair).run(); }

Result<std::vector<Finding>> examine_all(const std::string& lxcpath, bool repair) {
  std::vector<Finding> findings;
  auto entries = TRY(sys::list_directory(lxcpath));
  std::ranges::sort(entries, {}, &sys::DirectoryEntry::name);
  for (const auto& [name, type] : entries) {
    const auto info = sys::stat(strings::cat(lxcpath, "/", name));
    if (name.starts_with('.') || !info || !S_ISDIR(info->st_mode)) continue;
    const auto container = Container::open(name, lxcpath);
    if (!container) continue;
    auto found = TRY(examine(*container, repair));
    std::ranges::move(found, std::back_inserter(findings));
  }
  return findings;
}

Result<std::vector<Finding>> examine_host(bool repair) {
  std::vector<Finding> findings;
  for (const std::string& claim : TRY(idle_claims())) {
    Finding finding{.directory = claim, .what = "a claim of a place in a pool by something that is over", .remedy = "remove it"};
    if (repair) {
      const auto done = drop_idle_claim(claim);
      finding.repaired = done.has_value();
      if (!done) finding.failure = done.error().line();
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace berth::runtime
