// Runs in: the commands that make roots.
#include "runtime/store_specs.hpp"

#include <array>
#include <string_view>

#include "base/strings.hpp"
#include "config/global.hpp"

namespace berth::runtime {
namespace {

struct Setting {
  std::string_view kind, key;
  std::string storage::Specs::* member;
  bool is_place = false;
};

constexpr auto kSettings = std::to_array<Setting>({
    {"lvm", "lxc.bdev.lvm.vg", &storage::Specs::volume_group, true},
    {"lvm", "lxc.bdev.lvm.thin_pool", &storage::Specs::thin_pool},
    {"zfs", "lxc.bdev.zfs.root", &storage::Specs::zfs_root, true},
    {"rbd", "lxc.bdev.rbd.rbdpool", &storage::Specs::rbd_pool, true},
    {"rbd", "lxc.bdev.rbd.rbduser", &storage::Specs::rbd_user},
});

}  // namespace

Result<storage::Specs> complete_specs(const storage::BackingStore& store, storage::Specs given, const std::string& place) {
  for (const Setting& setting : kSettings) {
    std::string& value = given.*setting.member;
    if (setting.kind != store.traits().name || !value.empty()) continue;
    if (setting.is_place) value = place;
    if (value.empty() && TRY(config::global_item_is_set(setting.key))) value = TRY(config::global_item(setting.key));
  }
  return given;
}

bool names_place(const storage::BackingStore& store, const storage::Specs& given) {
  for (const Setting& setting : kSettings)
    if (setting.is_place && setting.kind == store.traits().name && !(given.*setting.member).empty()) return true;
  return false;
}

}  // namespace berth::runtime
