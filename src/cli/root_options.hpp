// The options of commands that make a root: of what kind, where, how large.
#pragma once

#include <array>
#include <cstddef>

#include "cli/option.hpp"
#include "cli/units.hpp"
#include "storage/backing_store.hpp"

namespace berth::cli {

namespace detail {
// `Member`: the command's storage::Specs.
template <auto Member, auto Spec>
Status set_spec(Common& options, std::string_view value) {
  if (value.empty()) return fail("an empty word is no value");
  member_of<Member>(options).*Spec = std::string(value);
  return {};
}

template <auto Member>
Status set_root_directory(Common& options, std::string_view value) {
  if (!value.starts_with('/')) return fail(strings::cat("'", value, "' is no absolute path"));
  return set_spec<Member, &storage::Specs::directory>(options, value);
}

template <auto Member>
Status set_root_size(Common& options, std::string_view value) {
  member_of<Member>(options).size = TRY(parse_file_system_size(value));
  return {};
}
}  // namespace detail

// What stands in the help of --fstype and --fssize.
struct RootOptionHelp {
  const char *fstype, *fssize;
};

template <auto Member>
constexpr auto root_options(RootOptionHelp help) {
  using detail::set_spec;
  using storage::Specs;
  constexpr auto kValue = Takes::kValue;
  return std::to_array<Option>({
      {"dir", 0, kValue, "DIR", "Place rootfs directory under DIR", detail::set_root_directory<Member>},
      {"lvname", 0, kValue, "LVNAME", "LVM: name of the logical volume (default: container name)",
       set_spec<Member, &Specs::logical_volume>},
      {"vgname", 0, kValue, "VG", "LVM: volume group (default: lxc)", set_spec<Member, &Specs::volume_group>},
      {"thinpool", 0, kValue, "TP", "LVM: thin pool (default: lxc)", set_spec<Member, &Specs::thin_pool>},
      {"fstype", 0, kValue, "FSTYPE", help.fstype, set_spec<Member, &Specs::fstype>},
      {"fssize", 0, kValue, "SIZE[U]", help.fssize, detail::set_root_size<Member>},
      {"zfsroot", 0, kValue, "DATASET", "ZFS: create under this dataset (default: lxc)", set_spec<Member, &Specs::zfs_root>},
      {"rbdname", 0, kValue, "NAME", "Ceph RBD: name of the image (default: container name)", set_spec<Member, &Specs::rbd_name>},
      {"rbdpool", 0, kValue, "POOL", "Ceph RBD: pool (default: lxc)", set_spec<Member, &Specs::rbd_pool>},
      {"rbduser", 0, kValue, "USER", "Ceph RBD: user", set_spec<Member, &Specs::rbd_user>},
  });
}

template <std::size_t... Counts>
constexpr auto joined(const std::array<Option, Counts>&... parts) {
  std::array<Option, (Counts + ...)> all{};
  std::size_t next = 0;
  const auto add = [&](const auto& part) {
    for (const Option& row : part) all[next++] = row;
  };
  (add(parts), ...);
  return all;
}

}  // namespace berth::cli
