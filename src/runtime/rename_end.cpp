// Runs in: the commands that find a rename half done, the start among them.
#include <cerrno>

#include "os/lock.hpp"
#include "runtime/host_name_file.hpp"
#include "runtime/rename.hpp"
#include "storage/backing_store.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

Status forgive_absence(Status result) {
  if (!result && result.error().code() == ENOENT) return {};
  return result;
}

// The root may be somewhere else, or of a kind that can't be looked into: its host name stays then.
Status rename_inside(const Container& container) {
  const config::Conf conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return {};
  const auto store = storage::store_of(conf.rootfs.type, conf.rootfs.path);
  if (!store || (*store)->traits().is_block) return {};
  return write_hostname(TRY((*store)->directory_of(conf.rootfs.path)), container.name());
}

}  // namespace

std::string rename_mark_of(const Container& container) { return container.directory() + "/renamed-to"; }
std::string renamed_config_of(const Container& container) { return container.directory() + "/config.renamed"; }

bool rename_is_incomplete(const Container& container) {
  const auto name = sys::read_link(rename_mark_of(container));
  return name && *name == container.name();
}

// The configuration first, then what is inside of the root, the mark last: each may be done again.
Status complete_rename(const Container& container) {
  if (!rename_is_incomplete(container)) return {};
  TRY(forgive_absence(sys::rename(renamed_config_of(container), container.directory() + "/config")));
  TRY(rename_inside(container));
  return forgive_absence(sys::unlink(rename_mark_of(container)));
}

Status complete_rename_alone(const Container& container) {
  if (!rename_is_incomplete(container)) return {};
  const auto held = TRY(os::FileLock::acquire(TRY(os::ensure_container_lock_file(container.lxcpath(), container.name()))));
  return complete_rename(container);
}

}  // namespace berth::runtime
