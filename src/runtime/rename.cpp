// Runs in: the commands that rename a container.
#include "runtime/rename.hpp"

#include <sys/stat.h>

#include <optional>

#include "base/strings.hpp"
#include "network/address_book.hpp"
#include "network/names.hpp"
#include "runtime/clone.hpp"
#include "runtime/config_hook.hpp"
#include "runtime/dependants.hpp"
#include "runtime/hold.hpp"
#include "runtime/moved_config.hpp"
#include "runtime/snapshot.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE of <linux/fs.h>

Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

Status remove_preparation(const Container& container) {
  TRY(forgive_absence(sys::unlink(rename_mark_of(container))));
  return forgive_absence(sys::unlink(renamed_config_of(container)));
}

Status prepare(const Container& container, const std::string& name, const std::string& text) {
  TRY(remove_preparation(container));
  TRY(sys::replace_file_like(renamed_config_of(container), text, TRY(sys::kind_of(container.config_file()))));
  return sys::symlink(name, rename_mark_of(container));
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
  return run_config_hooks({.container = renamed,
                           .conf = conf,
                           .type = config::HookType::kClone,
                           .root_mount = conf.rootfs.path,
                           .environment = {"LXC_SRC_NAME=" + old_name},
                           .arguments = {},
                           .hint = "repair the hook or remove its line; the container has its old name again"});
}

Status check_can_be_renamed(const Container& container) {
  TRY(check_defined(container));
  TRY(check_complete(container));
  TRY(check_dependants(container));
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

Status take_back(const Container& renamed, const Container& container, const std::string& text) {
  TRY(prepare(renamed, container.name(), text));
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

Result<Container> move(const Container& container, const Container& target) {
  const config::Conf conf = TRY(container.load());
  const ConfigMove paths{.from = container.directory(),
                         .to = target.directory(),
                         .from_root = {},
                         .to_root = {},
                         .rootfs_value = {},
                         .name = target.name(),
                         .new_hwaddr = false,
                         .everything = true};
  const MovedConfig moved = TRY(move_config(conf, paths));
  TRY(prepare(container, target.name(), moved.text));
  if (auto done = move_directory(container, target); !done) {
    TRY(remove_preparation(container));
    return fail(std::move(done.error()));
  }
  auto finished = complete_rename(target);
  if (finished) finished = run_hooks(target, container.name());
  if (finished) finished = rename_on_networks(container.directory(), target.directory());
  if (finished) return target;
  Error error = std::move(finished.error());
  if (const auto back = take_back(target, container, conf.unexpanded); !back)
    error = std::move(error).hint(strings::cat("the container is called ", target.name(), " now: ", back.error().line()));
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
