// Runs in: the command lxc-destroy; the monitor's destroy program of an ephemeral container.
#include "runtime/destroy.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/strings.hpp"
#include "network/address_book.hpp"
#include "network/names.hpp"
#include "os/paths.hpp"
#include "runtime/config_hook.hpp"
#include "runtime/dependants.hpp"
#include "runtime/hold.hpp"
#include "runtime/partial.hpp"
#include "runtime/rename.hpp"
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

Status check_snapshots(const Container& container, bool may_go) {
  std::vector<std::string> names;
  for (const auto& place : snapshot_directories(container)) {
    const auto entries = sys::list_directory(place);
    if (!entries)
      TRY(forgive_absence(fail(Error(entries.error()).context("cannot see whether there are snapshots"))));
    else
      for (const auto& entry : *entries) names.push_back(entry.name);
  }
  if (may_go || names.empty()) return {};
  std::ranges::sort(names);
  return fail(Error::message("the container has snapshots", EBUSY)
                  .because(strings::join(names, ", "))
                  .hint("add --snapshots to remove them too"));
}

constexpr std::string_view kOrForce = ", or add --force";

// True: it ran, and has been stopped.
Result<bool> ensure_stopped(const Container& container, bool force) {
  if (TRY(container.state()) == State::kStopped) return false;
  if (!force) TRY(check_stopped(container, kOrForce));
  TRY_CONTEXT(container.kill(), "cannot stop the container");
  return true;
}

// Taken when the container is stopped: the monitor of an ephemeral one destroys it, under this lock, before it ends.
Result<os::FileLock> lock(const Container& container) { return lock_stopped(container, kOrForce); }

// --- storage ---------------------------------------------------------------------------------------------------------------
bool same_file(const std::string& a, const std::string& b) {
  const auto first = sys::stat(a);
  const auto second = sys::stat(b);
  return first && second && first->st_dev == second->st_dev && first->st_ino == second->st_ino;
}

// A configuration that names "/" or a directory above the container as its root must not cost the host its files.
Status check_root_is_below(const Container& container, const config::Conf& conf) {
  std::string path = container.directory();
  for (;;) {
    if (same_file(conf.rootfs.path, path.empty() ? "/" : path))
      return fail(Error::message("the root file system holds more than this container", EBUSY)
                      .because(strings::cat(conf.rootfs.path, " is ", path.empty() ? "the host's root" : path))
                      .hint("set lxc.rootfs.managed = 0 to keep it")
                      .set_by(conf.origin("lxc.rootfs.path")));
    if (path.empty()) return {};
    path.resize(path.rfind('/'));
  }
}

Error belongs_to_another(const config::Conf& conf, const std::string& directory) {
  const auto fd = sys::open(directory, O_PATH | O_DIRECTORY);
  const std::string owner = fd ? sys::read_link(strings::cat("/proc/self/fd/", fd->get())).value_or(directory) : directory;
  return Error::message("the root file system lies in another container's directory", EBUSY)
      .because(strings::cat(conf.rootfs.path, " is below ", owner))
      .hint("repair lxc.rootfs.path, or set lxc.rootfs.managed = 0 to keep what is there")
      .set_by(conf.origin("lxc.rootfs.path"));
}

// What an older name, or a copied line, points at may be somebody else's by now: a container beside this one, or the one that
// this is a snapshot of. Goes up as the kernel does, whatever links the path has.
Status check_root_is_own(const Container& container, const config::Conf& conf) {
  const std::string owner_of_snapshots{os::parent(container.lxcpath())};
  for (std::string path{os::parent(conf.rootfs.path)}; sys::exists(path); path += "/..") {
    if (same_file(path, container.directory()) || same_file(path, path + "/..")) return {};
    const bool container_like = same_file(path + "/..", container.lxcpath()) || same_file(path, owner_of_snapshots);
    if (container_like && sys::exists(path + "/config")) return fail(belongs_to_another(conf, path));
  }
  return {};
}

Status remove_root(const Container& container, const config::Conf& conf) {
  const std::string& path = conf.rootfs.path;
  if (path.empty() || !conf.rootfs.managed) return {};
  const auto store = storage::find_store(conf.rootfs.type);
  if (!store)
    return fail(Error(store.error())
                    .hint("remove the storage by its own tools, then set lxc.rootfs.managed = 0 and destroy again")
                    .set_by(conf.origin("lxc.rootfs.path")));
  TRY(check_root_is_below(container, conf));
  TRY(check_root_is_own(container, conf));
  return (*store)->destroy(path);
}

// What must stay in the container's directory: an unmanaged root that lies in it.
std::vector<std::string> unmanaged_entries(const Container& container, const config::Conf& conf) {
  const std::string prefix = container.directory() + "/";
  if (conf.rootfs.managed || !conf.rootfs.path.starts_with(prefix)) return {};
  const auto below = strings::split_words(std::string_view(conf.rootfs.path).substr(prefix.size()), "/");
  if (below.empty()) return {};
  return {std::string(below.front())};
}

// The configuration goes last, so that a destroy which was killed half-way can be repeated.
Status remove_directory(const Container& container, const config::Conf& conf) {
  auto keep = unmanaged_entries(container, conf);
  const bool stays = !keep.empty();
  keep.emplace_back("config");
  TRY(forgive_absence(storage::remove_contents(container.directory(), keep)));
  TRY(forgive_absence(sys::unlink(container.directory() + "/config")));  // not config_file(): that may be the caller's --rcfile
  if (stays) return {};
  return storage::remove_tree(container.directory());
}

Status destroy_defined(const Container& container, const DestroyRequest& request) {
  TRY(check_defined(container));
  TRY(container.load());  // what can't be read is not stopped either
  TRY(check_dependants(container));
  TRY(check_snapshots(container, request.snapshots));
  const bool ran = TRY(ensure_stopped(container, request.force));
  const os::FileLock held = TRY(lock(container));
  if (ran && !container.defined()) return {};  // it was ephemeral
  TRY(check_defined(container));
  TRY(complete_rename(container));
  const config::Conf conf = TRY(container.load());
  TRY(check_dependants(container));
  TRY(check_snapshots(container, request.snapshots));
  if (request.snapshots) TRY(destroy_snapshots(container));
  TRY(run_config_hooks({container, conf, config::HookType::kDestroy}));
  TRY(remove_root(container, conf));
  TRY(forget_sources(container));
  TRY(network::forget_addresses(container.directory()));
  TRY(network::withdraw_everywhere(container.directory()));
  return remove_directory(container, conf);
}

// A root outside of the directory (--dir) may have been there before the creation that was killed: it is left alone.
Status take_back_creation(const std::string& directory) {
  const EarlierEntries earlier = TRY(earlier_entries(directory));
  if (!earlier) return storage::remove_tree(directory);
  TRY(give_back_config(directory, earlier));
  auto keep = *earlier;
  keep.emplace_back("partial");  // goes last, so that this can be repeated
  TRY(storage::remove_contents(directory, keep));
  return sys::unlink(directory + "/partial");
}

// What was there before the creation is destroyed like every other container.
Status destroy_any(const Container& container, const DestroyRequest& request) {
  if (TRY(creation_state(container.directory())) == Creation::kCrashed) {
    TRY(remove_crashed(container, request.force));
    if (!container.defined()) return {};
  }
  TRY(check_not_being_created(TRY(creation_state(container.directory())), container));
  return destroy_defined(container, request);
}

}  // namespace

Status destroy(const Container& container, const DestroyRequest& request) {
  return with_context(destroy_any(container, request), "cannot destroy");
}

Status remove_crashed(const Container& container, bool force) {
  TRY(ensure_stopped(container, force));
  const os::FileLock held = TRY(lock(container));
  if (TRY(creation_state(container.directory())) != Creation::kCrashed) return {};
  return take_back_creation(container.directory());
}

}  // namespace berth::runtime
