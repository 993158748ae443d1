// Runs in: host commands.
#include "storage/backing_store.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "storage/dir/dir_store.hpp"

namespace berth::storage {
namespace {

// Names that configurations may hold already.
constexpr auto kLater = std::to_array<std::string_view>({"btrfs", "zfs", "lvm", "loop", "rbd", "overlay", "nbd"});

std::string names_of(auto&& list, auto name) {
  std::string text;
  for (const auto& item : list) text += strings::cat(text.empty() ? "" : " ", name(item));
  return text;
}

std::string ready_names() {
  return names_of(stores(), [](const BackingStore* store) { return store->traits().name; });
}

std::string later_names() {
  return names_of(kLater, [](std::string_view name) { return name; });
}

}  // namespace

Status BackingStore::snapshot(const std::string& source, const std::string&) const {
  return fail(
      Error::message(strings::cat("storage of type '", traits().name, "' can't share data between containers"), EOPNOTSUPP)
          .because(source)
          .hint("make a full copy"));
}

std::span<const BackingStore* const> stores() {
  static const std::array<const BackingStore*, 1> kStores{&dir_store()};
  return kStores;
}

Result<const BackingStore*> find_store(std::string_view type) {
  if (type.empty()) return stores().front();
  for (const BackingStore* store : stores())
    if (store->traits().name == type) return store;
  if (std::ranges::find(kLater, type) != kLater.end() || type == "overlayfs")  // an old name of overlay
    return fail(Error::message(strings::cat("the back end '", type, "' comes later"), EOPNOTSUPP)
                    .because(strings::cat("this release makes root file systems of type ", ready_names(),
                                          " only (later: ", later_names(), ")")));
  return fail(Error::message(strings::cat("there is no back end '", type, "'"))
                  .hint(strings::cat("one of: ", ready_names(), "; later: ", later_names())));
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
