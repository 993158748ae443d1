// Runs in: the commands that take, list, restore and destroy snapshots.
#include "runtime/snapshot.hpp"

#include <time.h>

#include <algorithm>
#include <optional>

#include "base/strings.hpp"
#include "os/paths.hpp"
#include "runtime/clone_job.hpp"
#include "runtime/destroy.hpp"
#include "runtime/hold.hpp"
#include "runtime/partial.hpp"
#include "runtime/rename.hpp"
#include "runtime/restore_in_place.hpp"
#include "storage/backing_store.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kPrefix = "snap";
constexpr mode_t kSnapsMode = 0755;

std::optional<unsigned> number_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  return strings::parse_number<unsigned>(name.substr(kPrefix.size()));
}

std::string snaps_directory(const Container& container) { return snapshot_directories(container).front(); }

// In whichever place it lies.
Result<Container> snapshot_container(const Container& container, const std::string& name) {
  const auto places = snapshot_directories(container);
  for (const auto& place : places) {
    auto snapshot = TRY(Container::open(name, place));
    if (sys::exists(snapshot.directory())) return snapshot;
  }
  return Container::open(name, places.front());
}

Result<std::string> now_as_text() {
  const std::time_t now = ::time(nullptr);
  struct ::tm parts{};
  char text[32];
  if (::localtime_r(&now, &parts) == nullptr) return fail("this moment has no local time");
  const std::size_t length = ::strftime(&text[0], sizeof text, "%Y:%m:%d %H:%M:%S", &parts);
  return std::string(&text[0], length);
}

// What a process leaves that was killed before it could say what it makes, or at the end of a destroy.
bool is_empty_directory(const std::string& path) {
  const auto entries = sys::list_directory(path);
  return (entries && entries->empty()) || is_end_of_destroy(path);
}

// A directory without configuration that is no snapshot being made (LXC's leftover, a person's) counts as taken too.
Result<bool> is_free(const Container& container, const std::string& name) {
  for (const auto& place : snapshot_directories(container)) {
    const std::string path = strings::cat(place, "/", name);
    if (sys::exists(path) && TRY(creation_state(path)) != Creation::kCrashed && !is_empty_directory(path)) return false;
  }
  return true;
}

Result<unsigned> lowest_free(const Container& container) {
  for (unsigned number = 0;; ++number)
    if (TRY(is_free(container, strings::cat(kPrefix, number)))) return number;
}

Status check_can_backup(const Container& container) {
  const config::Conf conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return {};
  const auto store = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
  if (store->traits().can_backup) return {};
  return fail(
      Error::message(strings::cat("no snapshot can be taken of a root file system of type ", store->traits().name), EOPNOTSUPP)
          .set_by(conf.origin("lxc.rootfs.path")));
}

Result<unsigned> take(const Container& container, const std::string& comment_file, storage::Progress* progress) {
  TRY(check_defined(container));
  CloneJob job{.request = {}, .source_held = true};
  job.files.emplace_back("ts", TRY(now_as_text()));
  if (!comment_file.empty())
    job.files.emplace_back("comment", TRY_CONTEXT(sys::read_file(comment_file), "cannot read the comment"));
  TRY(check_complete(container));
  TRY(check_stopped(container, ""));
  const os::FileLock held = TRY(lock_whole(container, ""));
  TRY(complete_rename(container));
  TRY(check_can_backup(container));
  const std::string directory = snaps_directory(container);
  TRY(sys::ensure_directory(directory, kSnapsMode));
  const unsigned number = TRY(lowest_free(container));
  job.request.name = strings::cat(kPrefix, number);
  job.pool_name = strings::cat(container.name(), "-", job.request.name);
  job.request.lxcpath = directory;
  job.request.progress = progress;
  job.request.maybe_snapshot = job.request.keep_name = job.request.keep_hwaddr = job.request.keep_store = true;
  auto made = run_clone(container, job);
  if (made) return number;
  (void)sys::remove_directory(directory);  // goes only when it is empty
  return fail(std::move(made.error()));
}

Status list_below(const std::string& directory, std::vector<Snapshot>& found) {
  const auto entries = sys::list_directory(directory);
  if (!entries && entries.error().code() == ENOENT) return {};
  if (!entries) return fail(entries.error());
  for (const auto& [name, type] : *entries) {
    const std::string path = strings::cat(directory, "/", name);
    if (!sys::exists(path + "/config") || sys::exists(path + "/partial")) continue;
    found.push_back({name, path + "/comment", sys::read_file(path + "/ts").value_or(""), directory});
  }
  return {};
}

Result<std::vector<Snapshot>> list(const Container& container) {
  std::vector<Snapshot> found;
  for (const auto& place : snapshot_directories(container)) TRY(list_below(place, found));
  std::ranges::sort(found, {}, [](const Snapshot& s) { return std::pair(number_of(s.name).value_or(UINT_MAX), s.name); });
  return found;
}

Error no_such_snapshot(const Container& container, const std::string& name) {
  std::string names;
  if (const auto snapshots = list(container); snapshots)
    for (const auto& snapshot : *snapshots) names += strings::cat(names.empty() ? "" : ", ", snapshot.name);
  return Error::message(strings::cat("there is no snapshot '", name, "'"), ENOENT)
      .because(names.empty() ? std::string("the container has none") : strings::cat("there are: ", names));
}

Result<Container> existing_snapshot(const Container& container, const std::string& name) {
  auto snapshot = snapshot_container(container, name);
  if (!snapshot || !snapshot->defined()) return fail(no_such_snapshot(container, name));
  return snapshot;
}

Status restore(const Container& container, const std::string& name, const std::string& new_name, storage::Progress* progress) {
  const Container snapshot = TRY(existing_snapshot(container, name));
  if (new_name.empty() || new_name == container.name()) return restore_in_place(container, snapshot, progress);
  CloneJob job{.request = {.name = new_name,
                           .lxcpath = container.lxcpath(),
                           .maybe_snapshot = true,
                           .keep_store = true,
                           .progress = progress},
               .independent = true};
  TRY(run_clone(snapshot, job));
  return {};
}

// Whether something of it is there that a destroy knows how to remove.
Result<bool> is_container_like(const Container& snapshot) {
  return snapshot.defined() || TRY(creation_state(snapshot.directory())) != Creation::kNone;
}

// Somebody else may be quicker.
Status remove_container(const Container& snapshot) {
  const Status gone = destroy(snapshot, {});
  const bool was_gone = !gone && gone.error().code() == ENOENT && !TRY(is_container_like(snapshot));
  if (!was_gone) TRY(gone);
  (void)sys::remove_directory(snapshot.lxcpath());  // goes only when it is empty
  return {};
}

// What was left half made is removed as well.
Status remove(const Container& container, const std::string& name) {
  const Container snapshot = TRY(snapshot_container(container, name));
  if (!snapshot.defined() && TRY(creation_state(snapshot.directory())) == Creation::kNone &&
      !is_empty_directory(snapshot.directory()))
    return fail(no_such_snapshot(container, name));
  return remove_container(snapshot);
}

// True: it was no snapshot, and is gone. With its lock, which those take who begin or end one.
Result<bool> remove_stray(const Container& snapshot) {
  const auto held = TRY(os::FileLock::acquire(TRY(os::ensure_container_lock_file(snapshot.lxcpath(), snapshot.name()))));
  if (TRY(is_container_like(snapshot))) return false;
  const Status gone = storage::remove_tree(snapshot.directory());
  if (!gone && gone.error().code() != ENOENT) return fail(gone.error());
  return true;
}

// Of all that lies there: what has no configuration is nobody's any more.
Status remove_entry(const std::string& place, const std::string& name) {
  const Container snapshot = TRY(Container::open(name, place));
  if (!TRY(is_container_like(snapshot)) && TRY(remove_stray(snapshot))) return {};
  return remove_container(snapshot);
}

Result<bool> remove_all(const Container& container) {
  bool any = false;
  for (const auto& place : snapshot_directories(container)) {
    const auto entries = sys::list_directory(place);
    if (!entries && entries.error().code() == ENOENT) continue;
    if (!entries) return fail(entries.error());
    for (const auto& entry : *entries) TRY_CONTEXT(remove_entry(place, entry.name), strings::cat("snapshot ", entry.name));
    any = any || !entries->empty();
  }
  return any;
}

}  // namespace

std::vector<std::string> snapshot_directories(const Container& container) {
  std::string beside = strings::cat(container.lxcpath(), "snaps/", container.name()), own = container.directory() + "/snaps";
  if (sys::exists(beside)) return {std::move(beside), std::move(own)};
  return {std::move(own)};
}

bool is_snapshot_of(const Container& snapshot, const Container& container) {
  const auto places = snapshot_directories(container);
  return std::ranges::find(places, snapshot.lxcpath()) != places.end();
}

std::optional<Container> owner_of_snapshot(const Container& snapshot) {
  constexpr std::string_view kPlace = "snaps";
  const std::string place = snapshot.lxcpath();
  const std::string_view above = os::parent(place);
  const bool in_own = os::last_component(place) == kPlace;
  if (!in_own && !above.ends_with(kPlace)) return std::nullopt;
  const std::string_view lxcpath = in_own ? os::parent(above) : above.substr(0, above.size() - kPlace.size());
  auto owner = Container::open(std::string(os::last_component(in_own ? above : place)), std::string(lxcpath));
  if (!owner || !owner->defined() || !is_snapshot_of(snapshot, *owner)) return std::nullopt;
  return std::move(*owner);
}

Result<unsigned> take_snapshot(const Container& container, const std::string& comment_file, storage::Progress* progress) {
  return with_context(take(container, comment_file, progress), "cannot take a snapshot");
}

Result<std::vector<Snapshot>> list_snapshots(const Container& container) {
  return with_context(list(container), "cannot list the snapshots");
}

Status restore_snapshot(const Container& container, const std::string& snapshot, const std::string& new_name,
                        storage::Progress* progress) {
  return with_context(restore(container, snapshot, new_name, progress), "cannot restore");
}

Status destroy_snapshot(const Container& container, const std::string& snapshot) {
  return with_context(remove(container, snapshot), "cannot destroy the snapshot");
}

Result<bool> destroy_snapshots(const Container& container) {
  return with_context(remove_all(container), "cannot destroy the snapshots");
}

}  // namespace berth::runtime
