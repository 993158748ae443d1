// Runs in: the commands that make roots, and library callers.
#include "runtime/store_options.hpp"

#include <array>
#include <cerrno>
#include <string_view>

#include "base/strings.hpp"
#include "runtime/store_specs.hpp"

namespace berth::runtime {
namespace {

using storage::BackingStore;
using storage::Specs;

struct TextOption {
  std::string_view name;
  std::string Specs::* member;
  std::string_view kind;  // empty: those with a file system of their own
};

constexpr auto kTextOptions = std::to_array<TextOption>({
    {"--lvname", &Specs::logical_volume, "lvm"},
    {"--vgname", &Specs::volume_group, "lvm"},
    {"--thinpool", &Specs::thin_pool, "lvm"},
    {"--zfsroot", &Specs::zfs_root, "zfs"},
    {"--rbdname", &Specs::rbd_name, "rbd"},
    {"--rbdpool", &Specs::rbd_pool, "rbd"},
    {"--rbduser", &Specs::rbd_user, "rbd"},
    {"--fstype", &Specs::fstype, ""},
});

constexpr auto kBestFirst = std::to_array<std::string_view>({"btrfs", "zfs", "lvm"});

bool belongs(const TextOption& option, const BackingStore& store) {
  return option.kind.empty() ? store.traits().is_block : option.kind == store.traits().name;
}

bool takes_size(const BackingStore& store) { return store.traits().is_block || store.traits().can_resize; }
bool takes_directory(const BackingStore& store) { return store.traits().in_directory && !store.traits().is_block; }

// The first option of `given` that is not for the kind; empty: none.
std::string_view foreign_option(const BackingStore& store, const Specs& given) {
  for (const TextOption& option : kTextOptions)
    if (!(given.*option.member).empty() && !belongs(option, store)) return option.name;
  if (given.size != 0 && !takes_size(store)) return "--fssize";
  if (!given.directory.empty() && !takes_directory(store)) return "--dir";
  return {};
}

std::string kinds_of(std::string_view name) {
  std::string kinds;
  for (const BackingStore* store : storage::stores()) {
    if (!store->traits().can_create) continue;
    bool fits = (name == "--fssize" && takes_size(*store)) || (name == "--dir" && takes_directory(*store));
    for (const TextOption& option : kTextOptions) fits = fits || (option.name == name && belongs(option, *store));
    if (fits) kinds += strings::cat(kinds.empty() ? "" : ", ", store->traits().name);
  }
  return kinds;
}

Result<StoreChoice> prepared(const BackingStore& store, const storage::Owner& owner, const Specs& given) {
  TRY(check_options(store, given));
  StoreChoice choice{.store = &store, .specs = TRY(complete_specs(store, given))};
  choice.path = TRY(store.place(owner, choice.specs));
  return choice;
}

Result<StoreChoice> best(const storage::Owner& owner, const Specs& given) {
  for (const std::string_view name : kBestFirst) {
    const auto store = storage::find_store(name);
    if (!store) continue;
    if (auto choice = prepared(**store, owner, given)) return choice;
  }
  return prepared(*TRY(storage::find_store("dir")), owner, given);
}

Result<const BackingStore*> find_maker(const std::string& bdev) {
  auto store = storage::find_store(bdev == "none" ? "" : bdev);
  if (!store && store.error().hint().empty()) return fail(std::move(store.error()).hint("leave --bdev out, or say --bdev dir"));
  if (!store || (*store)->traits().can_create) return store;
  return fail(Error::message(strings::cat("a root file system of type ", bdev, " can't be made, only used"), EOPNOTSUPP)
                  .hint("leave --bdev out, or say --bdev dir"));
}

}  // namespace

Status check_options(const BackingStore& store, const Specs& given) {
  const std::string_view foreign = foreign_option(store, given);
  if (foreign.empty()) return {};
  const std::string kinds = kinds_of(foreign);
  return fail(Error::message(strings::cat(foreign, " can't be used with the backing store ", store.traits().name), EINVAL)
                  .because(kinds.empty() ? "no backing store of this release takes it" : strings::cat("it is for ", kinds))
                  .hint("leave it out, or name another backing store (--bdev)"));
}

std::vector<std::string_view> given_options(const Specs& given) {
  std::vector<std::string_view> names;
  if (!given.directory.empty()) names.emplace_back("--dir");
  for (const TextOption& option : kTextOptions)
    if (!(given.*option.member).empty()) names.push_back(option.name);
  if (given.size != 0) names.emplace_back("--fssize");
  return names;
}

Result<StoreChoice> choose_store(const std::string& bdev, const storage::Owner& owner, const Specs& given) {
  if (bdev == "best") return best(owner, given);
  return prepared(*TRY(find_maker(bdev)), owner, given);
}

Specs specs_for(const std::string& bdev, const Specs& given) {
  const auto store = storage::find_store(bdev == "none" || bdev == "best" ? "" : bdev);
  if (!store) return {};
  Specs fitting = given;
  for (const TextOption& option : kTextOptions)
    if (!belongs(option, **store)) (fitting.*option.member).clear();
  if (!takes_size(**store)) fitting.size = 0;
  if (!takes_directory(**store)) fitting.directory.clear();
  return fitting;
}

}  // namespace berth::runtime
