// Runs in: host commands.
#include "storage/backing_store.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.hpp"
#include "storage/block/make.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/size_text.hpp"
#include "storage/btrfs/btrfs_store.hpp"
#include "storage/dir/dir_store.hpp"
#include "storage/loop/loop_store.hpp"
#include "storage/lvm/lvm_store.hpp"
#include "storage/nbd/nbd_store.hpp"
#include "storage/overlay/overlay_store.hpp"
#include "storage/rbd/rbd_store.hpp"
#include "storage/tree/copy_tree.hpp"
#include "storage/zfs/zfs_store.hpp"
#include "sys/file.hpp"

namespace berth::storage {
namespace {

std::string store_names() {
  std::string text;
  for (const BackingStore* store : stores()) text += strings::cat(text.empty() ? "" : " ", store->traits().name);
  return text;
}

Status sync(const std::string& directory, const std::string& shown) {
  const Fd root = TRY(sys::open(directory, O_RDONLY | O_DIRECTORY));
  return sys::sync_filesystem(root.get(), shown);
}

// The file system that was made for the copy is full, not a disk on which there would be room to make.
Error too_small(const Error& error, const std::string& path, std::uint64_t size) {
  return Error::message(strings::cat("the new root file system of ", block::size_text(size), " is too small"), ENOSPC)
      .because(strings::cat("what is to be copied does not fit into ", path, ": ", error.line()))
      .hint("choose a larger size (--fssize)");
}

}  // namespace

// --- what a kind that does not say otherwise does ---------------------------------------------------------------------------

Error BackingStore::refusal(std::string_view what) const {
  return Error::message(strings::cat("storage of type '", traits().name, "' can't ", what), EOPNOTSUPP);
}

Result<bool> BackingStore::exists(const std::string& path) const {
  const auto info = sys::stat_link(path);
  if (!info && info.error().code() != ENOENT && info.error().code() != ENOTDIR) return fail(info.error());
  return info.has_value();
}

Status BackingStore::check_destroy(const std::string&) const { return {}; }

Status BackingStore::copy(const BackingStore& from, const std::string& source, const std::string& path, const Specs& specs,
                          Progress& progress) const {
  const Original original = TRY(open_original(from, source, specs));
  TRY(create(path, original.specs));
  Status outcome = fill(path, original, progress);
  if (outcome) return outcome;
  if (auto undone = destroy(path); !undone)
    return fail(std::move(outcome.error()).hint(strings::cat("remove what is left by hand: ", undone.error().line())));
  return outcome;
}

Result<BackingStore::Original> BackingStore::open_original(const BackingStore& from, const std::string& source,
                                                           const Specs& specs) const {
  const bool likens = traits().is_block && from.traits().is_block;
  Specs enough = specs;
  if (likens && enough.size == 0) enough.size = TRY(from.usage(source)).limit.value_or(0);
  Attachment attachment = TRY(from.attach(source, Access::kRead));
  if (likens && enough.fstype.empty()) {
    enough.fstype = attachment.mount.fstype;
    TRY(block::check_type_of_copy(enough.fstype));
  }
  View view = TRY(View::open(std::move(attachment), Access::kRead));
  std::string shown = from.traits().is_block ? strings::cat(source, ":") : view.directory();
  if (shown.starts_with("/proc/self/fd/")) shown = source;
  return Original{std::move(view), std::move(shown), std::move(enough)};
}

Status BackingStore::fill(const std::string& path, const Original& original, Progress& progress) const {
  Attachment attachment = TRY(attach(path, Access::kWrite));
  const std::uint64_t size = traits().is_block ? TRY(block::size_of(attachment.mount.device)) : 0;
  View copy = TRY(View::open(std::move(attachment), Access::kWrite));
  CopyOptions options;
  options.progress = &progress;
  options.shown = original.shown;
  Status copied = copy_contents(original.view.directory(), copy.directory(), options);
  if (!copied && traits().is_block && copied.error().code() == ENOSPC) return fail(too_small(copied.error(), path, size));
  TRY(std::move(copied));
  // What could not be written (a full disk below a sparse image) is told now or never.
  TRY(sync(copy.directory(), path));
  return copy.close();
}

Status BackingStore::snapshot(const BackingStore&, const std::string& source, const std::string&, const Specs&) const {
  return fail(refusal("share data between containers").because(source).hint("make a full copy"));
}

Result<std::string> BackingStore::snapshot_path(const BackingStore&, const std::string&, const std::string& place) const {
  return place;
}

bool BackingStore::snapshots_of(const BackingStore& from) const { return &from == this && traits().can_snapshot; }

bool BackingStore::can_share(const BackingStore& from, const std::string&, const std::string&) const {
  return snapshots_of(from);
}

bool BackingStore::snapshot_settles(const BackingStore&) const { return false; }

Result<bool> BackingStore::snapshot_needs_source(const BackingStore&, const std::string&) const { return false; }

Status BackingStore::rename(const std::string& from, const std::string&) const {
  return fail(refusal("give a root another name").because(from));
}

Status BackingStore::moved(const std::string&, const Owner&) const { return {}; }

Result<Usage> BackingStore::usage(const std::string& path) const { return fail(refusal("tell how much it holds").because(path)); }

Status BackingStore::resize(const std::string& path, std::uint64_t) const {
  return fail(refusal("limit or change the size of a root").because(path));
}

Result<std::string> BackingStore::begin_send(const std::string& path) const {
  return fail(refusal("tell what has changed").because(path).hint("export the container whole"));
}

Status BackingStore::end_send(const std::string& path, bool) const {
  return fail(refusal("tell what has changed").because(path).hint("export the container whole"));
}

Status BackingStore::forget_shared_state(const std::string& path) const {
  return fail(refusal("tell what has changed").because(path));
}

Status BackingStore::send(const std::string& path, const std::string&, int, Progress&) const {
  return fail(refusal("send what has changed").because(path).hint("export the container whole"));
}

Status BackingStore::receive(const std::string& path, const std::string&, int, Progress&) const {
  return fail(refusal("receive what has changed").because(path).hint("import an archive of the whole container"));
}

Result<std::string> BackingStore::shared_state(const std::string& path) const {
  return fail(refusal("tell what has changed").because(path).hint("export the container whole"));
}

// --- the kinds --------------------------------------------------------------------------------------------------------------

std::span<const BackingStore* const> stores() {
  static const auto kStores = std::to_array<const BackingStore*>(
      {&dir_store(), &zfs_store(), &lvm_store(), &rbd_store(), &btrfs_store(), &overlay_store(), &loop_store(), &nbd_store()});
  return kStores;
}

Result<const BackingStore*> find_store(std::string_view type) {
  if (type.empty()) return stores().front();
  if (type == "overlayfs") type = "overlay";  // an old name
  for (const BackingStore* store : stores())
    if (store->traits().name == type) return store;
  return fail(Error::message(strings::cat("there is no back end '", type, "'")).hint("one of: " + store_names()));
}

Result<const BackingStore*> store_of(std::string_view type, const std::string& path) {
  if (!type.empty()) return find_store(type);
  for (const BackingStore* store : stores())
    if (store->owns(path)) return store;
  return fail(Error::message(strings::cat("no back end knows the root file system ", path), EOPNOTSUPP)
                  .because("it is no directory, and lxc.rootfs.path names no type")
                  .hint("correct lxc.rootfs.path"));
}

std::string rootfs_value(const BackingStore& store, std::string_view path) {
  return strings::cat(store.traits().name, ":", path);
}

}  // namespace berth::storage
