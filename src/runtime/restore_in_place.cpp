// Runs in: the command that restores a snapshot.
#include "runtime/restore_in_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/strings.hpp"
#include "runtime/clone_job.hpp"
#include "runtime/dependants.hpp"
#include "runtime/hold.hpp"
#include "runtime/partial.hpp"
#include "runtime/rename.hpp"
#include "storage/tree/remove_tree.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kRoot = "rootfs";
constexpr mode_t kDirectoryMode = 0755;

Status check_root_can_change(const Container& container) {
  if (!container.defined()) return {};
  const config::Conf conf = TRY(container.load());
  const std::string place = strings::cat(container.directory(), "/", kRoot);
  if (conf.rootfs.path.empty() || conf.rootfs.path == place) return {};
  return fail(Error::message("the container's root file system is not where a restored one would be", EOPNOTSUPP)
                  .because(strings::cat(conf.rootfs.path, ", not ", place))
                  .hint("restore under a new name (--newname)")
                  .set_by(conf.origin("lxc.rootfs.path")));
}

Status sync(const std::string& path) {
  const Fd directory = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
  return sys::sync_filesystem(directory.get(), path);
}

// One of the copy into the container, the old one into the copy's place.
Status put_in_place(const std::string& from, const std::string& to) {
  return sys::exists(to) ? sys::exchange(from, to) : sys::rename(from, to);
}

// A directory of hooks may hold more in the container than in the snapshot.
Status put_files_in_place(const std::string& from, const std::string& to) {
  TRY(sys::ensure_directory(to, kDirectoryMode));
  for (const auto& [name, type] : TRY(sys::list_directory(from))) {
    const std::string old_path = strings::cat(from, "/", name), new_path = strings::cat(to, "/", name);
    TRY(S_ISDIR(TRY(sys::stat_link(old_path)).st_mode) ? put_files_in_place(old_path, new_path)
                                                       : put_in_place(old_path, new_path));
  }
  return {};
}

// The configuration last: until then a start gets the old one, which names the same root.
Status change_places(const std::string& copy, const std::string& directory) {
  for (const auto& [name, type] : TRY(sys::list_directory(copy))) {
    const std::string from = strings::cat(copy, "/", name), to = strings::cat(directory, "/", name);
    if (name == "config") continue;
    const bool files = name != kRoot && S_ISDIR(TRY(sys::stat_link(from)).st_mode);
    TRY(files ? put_files_in_place(from, to) : put_in_place(from, to));
  }
  return put_in_place(copy + "/config", directory + "/config");
}

}  // namespace

Status restore_in_place(const Container& container, const Container& snapshot) {
  const Container own = TRY(Container::open(container.name(), container.lxcpath()));  // not the caller's --rcfile
  TRY(check_complete(own));
  TRY(check_dependants(own));
  TRY(check_stopped(own, ""));
  const os::FileLock held = TRY(lock_stopped(own, ""));
  TRY(complete_rename(own));
  const std::string staging = own.directory() + "/restoring";
  TRY(check_root_can_change(own));
  TRY_CONTEXT(storage::remove_tree(staging), "cannot remove what an earlier restore left");
  const CloneJob job{.request = {.name = own.name(), .lxcpath = staging, .keep_name = true, .keep_hwaddr = true},
                     .final_directory = own.directory()};
  auto copy = run_clone(snapshot, job);
  if (copy) {
    TRY(sync(staging));  // before anything of the old container goes
    TRY_CONTEXT(change_places(copy->directory(), own.directory()), "cannot put the restored container in its place");
  }
  auto removed = storage::remove_tree(staging);
  if (!copy) return fail(std::move(copy.error()));
  return with_context(std::move(removed), "the container is restored, but what it replaced can't be removed");
}

}  // namespace berth::runtime
