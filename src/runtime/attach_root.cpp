// Runs in: the starting command, unless it is berth-quick.
#include "runtime/attach_root.hpp"

#include "base/strings.hpp"
#include "storage/backing_store.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr mode_t kMountPointMode = 0755;

plan::RootMount recipe_of(const storage::MountSource& source) {
  return {.directory = source.directory, .fstype = source.fstype, .device = source.device, .options = source.options};
}

// A container without a directory of its own has none for the mount point either; the plan then says what is missing.
Status make_mount_point(const Container& container) {
  if (!sys::exists(container.directory())) return {};
  return with_context(sys::ensure_directory(container.directory() + "/rootfs", kMountPointMode),
                      "cannot make the directory to mount the root file system on");
}

Result<const storage::BackingStore*> store_of_root(const config::Conf& conf) {
  auto store = storage::store_of(conf.rootfs.type, conf.rootfs.path);
  if (!store) return fail(std::move(store.error()).set_by(conf.origin("lxc.rootfs.path")));
  return store;
}

Result<storage::Attachment> connect(const config::Conf& conf) {
  const storage::BackingStore* store = TRY(store_of_root(conf));
  auto attached = store->attach(conf.rootfs.path, storage::Access::kWrite);
  if (attached) return attached;
  return fail(std::move(attached.error()).context("the root file system can't be used").set_by(conf.origin("lxc.rootfs.path")));
}

}  // namespace

Result<AttachedRoot> attach_root(const Container& container, const config::Conf& conf) {
  AttachedRoot root;
  if (is_plain_root(conf.rootfs)) return root;
  storage::Attachment attached = TRY(connect(conf));
  root.mount = recipe_of(attached.mount);
  root.mount->hold = attached.hold;
  root.device = std::move(attached.device);
  root.mount->releases = attached.hand_over();
  if (root.mount->directory.empty()) TRY(make_mount_point(container));
  return root;
}

Result<AttachedRoot> describe_root(const config::Conf& conf) {
  AttachedRoot root;
  if (is_plain_root(conf.rootfs)) return root;
  const storage::BackingStore* store = TRY(store_of_root(conf));
  if (!store->traits().is_block) {
    storage::Attachment attached = TRY(connect(conf));
    root.mount = recipe_of(attached.mount);
  } else {
    root.mount = plan::RootMount{.device = storage::rootfs_value(*store, conf.rootfs.path)};
  }
  root.mount->described = true;
  return root;
}

}  // namespace berth::runtime
