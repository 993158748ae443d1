// Runs in: the commands that rename a container.
#include "runtime/rename.hpp"

#include <sys/stat.h>

#include <optional>

#include "base/strings.hpp"
#include "network/address_book.hpp"
#include "network/names.hpp"
#include "os/paths.hpp"
#include "runtime/clone.hpp"
#include "runtime/config_hook.hpp"
#include "runtime/dependants.hpp"
#include "runtime/hold.hpp"
#include "runtime/host_name_file.hpp"
#include "runtime/moved_config.hpp"
#include "runtime/root_namespace.hpp"
#include "runtime/snapshot.hpp"
#include "storage/backing_store.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE of <linux/fs.h>

// Of a root that has a name of its own; empty: it goes with the directory, or keeps its name.
struct RootNames {
  std::string type, from, to;
};

// `text`: the configuration for the new `name`. The link comes last: it is what others look for.
Status prepare(const Container& container, const std::string& old_name, const std::string& name, const std::string& text,
               const RootNames& root) {
  TRY(remove_preparation(container));
  TRY(sys::replace_file_like(renamed_config_of(container), text, TRY(sys::kind_of(container.config_file()))));
  std::string from = old_name + "\n";
  if (!root.type.empty()) from += strings::cat(root.type, ":", root.from, "\n", root.type, ":", root.to, "\n");
  TRY(sys::replace_file(renamed_from_of(container), from));
  return sys::symlink(name, rename_mark_of(container));
}

// A root in a pool that is called like the container gets the new name too.
Result<RootNames> names_of_root(const Container& container, const config::Conf& conf, const std::string& new_name) {
  const std::string& path = conf.rootfs.path;
  if (path.empty() || os::last_component(path) != container.name()) return RootNames{};
  const auto* store = TRY(storage::store_of(conf.rootfs.type, path));
  if (store->traits().in_directory) return RootNames{};
  const bool is_there = TRY(store->exists(path));
  if (!is_there || !store->owns(path)) return RootNames{};
  RootNames names{std::string(store->traits().name), path, strings::cat(os::parent(path), "/", new_name)};
  if (!TRY(store->exists(names.to))) return names;
  return fail(Error::message("the new name is taken", EEXIST)
                  .because(strings::cat("there is ", names.type, ":", names.to))
                  .hint("choose another name, or remove it"));
}

Status move_directory(const Container& from, const Container& to) {
  const std::string old_path = from.directory(), new_path = to.directory();
  const long outcome = sys::raw::call(SYS_renameat2, AT_FDCWD, old_path.c_str(), AT_FDCWD, new_path.c_str(), kNoReplace);
  if (outcome == 0) return {};
  Error error = Error::from_errno(static_cast<int>(-outcome), "rename", strings::cat(old_path, " -> ", new_path));
  if (outcome == -EEXIST) error = std::move(error).because(new_path + " is there").hint("choose another name, or remove it");
  if (outcome == -EBUSY || outcome == -EXDEV)
    error = std::move(error).because("something is mounted there").hint("unmount it, then rename again");
  return fail(std::move(error));
}

Status run_hooks(const Container& renamed, const std::string& old_name) {
  const config::Conf conf = TRY(renamed.load());
  if (conf.hooks.commands[static_cast<std::size_t>(config::HookType::kClone)].empty()) return {};
  std::optional<storage::View> view;
  std::optional<RootNamespace> place;
  if (!conf.rootfs.path.empty()) {
    const auto* store = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
    view.emplace(
        TRY(storage::View::open(TRY(store->attach(conf.rootfs.path, storage::Access::kWrite)), storage::Access::kWrite)));
    place.emplace(TRY(RootNamespace::open(*view, renamed.directory() + "/rootfs")));
  }
  TRY(run_config_hooks({.container = renamed,
                        .conf = conf,
                        .type = config::HookType::kClone,
                        .root_mount = place ? place->directory() : "",
                        .mounts = place ? place->mounts() : -1,
                        .environment = {"LXC_SRC_NAME=" + old_name},
                        .arguments = {},
                        .hint = "repair the hook or remove its line; the container has its old name again"}));
  place.reset();
  return view ? view->close() : Status{};
}

Status check_can_be_renamed(const Container& container) {
  TRY(check_defined(container));
  TRY(check_complete(container));
  TRY(check_dependants(container, kRenameLater));
  const auto snapshots = TRY(list_snapshots(container));
  if (snapshots.empty()) return {};
  return fail(Error::message("the container has snapshots, which know it by its name", EBUSY)
                  .because(strings::cat(snapshots.size(), " below ", snapshots.front().lxcpath))
                  .hint("destroy them first (lxc-snapshot -d ALL), or make a copy under the new name"));
}

Status check_name_is_free(const Container& target) {
  struct ::stat info{};
  if (sys::raw::call(SYS_newfstatat, AT_FDCWD, target.directory().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return {};
  return fail(Error::message("the new name is taken", EEXIST)
                  .because(target.directory() + " is there")
                  .hint("choose another name, or remove it"));
}

// Two renames that cross must not wait for each other: the locks are taken in the order of the names.
struct BothLocks {
  std::optional<os::FileLock> first, second;
};
Result<BothLocks> lock_both(const Container& a, const Container& b) {
  const bool in_order = a.name() < b.name();
  BothLocks locks;
  locks.first = TRY(lock_stopped(in_order ? a : b, ""));
  locks.second = TRY(lock_stopped(in_order ? b : a, ""));
  return locks;
}

Status take_back(const Container& renamed, const Container& container, const std::string& text, const RootNames& root) {
  TRY(prepare(renamed, renamed.name(), container.name(), text, {root.type, root.to, root.from}));
  TRY(move_directory(renamed, container));
  return complete_rename(container);
}

// What bridges know it by. All or nothing, as far as what has failed lets it.
Status rename_on_networks(const std::string& from, const std::string& to) {
  TRY(network::rename_addresses(from, to));
  Status renamed = network::rename_reservations(from);
  if (!renamed) static_cast<void>(network::rename_addresses(to, from));
  return renamed;
}

// What complete_rename() does in the root can be done: looked at before anything moves.
Status check_root_can_be_told(const config::Conf& conf) {
  if (conf.rootfs.path.empty()) return {};
  const auto store = storage::store_of(conf.rootfs.type, conf.rootfs.path);
  if (!store) return {};  // as complete_rename() takes it
  storage::View view =
      TRY(storage::View::open(TRY((*store)->attach(conf.rootfs.path, storage::Access::kWrite)), storage::Access::kWrite));
  TRY(check_hostname(view.directory()));
  return view.close();
}

Result<Container> move(const Container& container, const Container& target) {
  const config::Conf conf = TRY(container.load());
  TRY(check_root_can_be_told(conf));
  const RootNames root = TRY(names_of_root(container, conf, target.name()));
  const ConfigMove paths{.from = container.directory(),
                         .to = target.directory(),
                         .from_root = root.from,
                         .to_root = root.to,
                         .rootfs_value = root.type.empty() ? "" : strings::cat(root.type, ":", root.to),
                         .name = target.name(),
                         .new_hwaddr = false,
                         .everything = true};
  const MovedConfig moved = TRY(move_config(conf, paths));
  auto done = prepare(container, container.name(), target.name(), moved.text, root);
  if (done) done = move_directory(container, target);
  if (!done) {
    TRY(remove_preparation(container));
    return fail(std::move(done.error()));
  }
  auto finished = complete_rename(target);
  if (finished) finished = run_hooks(target, container.name());
  if (finished) finished = rename_on_networks(container.directory(), target.directory());
  if (finished) return target;
  Error error = std::move(finished.error());
  if (const auto back = take_back(target, container, conf.unexpanded, root); !back)
    error = std::move(error).hint(strings::cat("the container is called ", container.defined() ? container.name() : target.name(),
                                               " now, and its next start or berth doctor ends the rest: ", back.error().line()));
  return fail(std::move(error));
}

Result<Container> rename_checked(const Container& container, const std::string& new_name) {
  const Container own = TRY(Container::open(container.name(), container.lxcpath()));  // not the caller's --rcfile
  const Container target = TRY(Container::open(new_name, container.lxcpath()));
  // The same request again, after one that was killed in the middle.
  if (!own.defined() && target.defined() && rename_is_incomplete(target)) {
    TRY(complete_rename_alone(target));
    return target;
  }
  TRY(check_can_be_renamed(own));
  TRY(check_stopped(own, ""));
  TRY(check_name_is_free(target));
  const BothLocks locks = TRY(lock_both(own, target));
  TRY(check_can_be_renamed(own));
  TRY(complete_rename(own));
  return move(own, target);
}

}  // namespace

Result<Container> rename(const Container& container, const std::string& new_name) {
  return with_context(rename_checked(container, new_name), "cannot rename");
}

}  // namespace berth::runtime
