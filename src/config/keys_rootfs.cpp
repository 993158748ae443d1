// Runs in: the command or library caller that reads configuration.
#include <algorithm>
#include <array>

#include "config/codecs.hpp"
#include "config/key_sections.hpp"
#include "config/mount_entry.hpp"

namespace berth::config {
namespace {

constexpr std::array<std::string_view, 9> kTypes = {"dir", "zfs", "lvm", "rbd", "btrfs", "overlay", "overlayfs", "loop", "nbd"};

Status set_path(Conf& conf, const Assignment& assignment) {
  const std::string_view value = assignment.value;
  const std::size_t colon = value.find(':');
  if (value.front() == '/' || colon == std::string_view::npos) {
    conf.rootfs.path = value;
    conf.rootfs.type.clear();
    return {};
  }
  const std::string_view type = value.substr(0, colon);
  if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
    return fail(bad_value(assignment, "[TYPE:]PATH with a type of dir, zfs, lvm, rbd, btrfs, overlay, loop, nbd", type));
  }
  if (colon + 1 == value.size()) return fail(bad_value(assignment, "a path behind the type"));
  conf.rootfs.type = type == "overlayfs" ? "overlay" : type;
  conf.rootfs.path = value.substr(colon + 1);
  return {};
}

void clear_path(Conf& conf, const KeyRef&) {
  conf.rootfs.path.clear();
  conf.rootfs.type.clear();
}

Status get_mount(const Conf& conf, const KeyRef&, TextWriter& out) {
  out.add(conf.rootfs.mount.empty() ? kDefaultRootfsMount : std::string_view(conf.rootfs.mount));
  return {};
}

Status check_options(const Assignment& assignment) {
  auto options = parse_rootfs_options(assignment.value);
  if (options) return {};
  return fail(bad_value(assignment, strings::cat("mount options (", options.error().line(), ")")));
}

constexpr Codec mount_codec() {
  Codec codec = path<nullptr, &Conf::rootfs, &RootfsConf::mount>();
  codec.get = get_mount;
  return codec;
}

constexpr Key kKeys[] = {
    {.name = "lxc.rootfs.path",
     .codec = {set_path, detail::get_text<&Conf::rootfs, &RootfsConf::path>, clear_path},
     .syntax = "[TYPE:]PATH",
     .example = "dir:/var/lib/lxc/web1/rootfs",
     .initial = "the host's root is shared",
     .documentation = "The root file system: a directory, an image file or a block device. TYPE names the storage back end "
                      "(dir, btrfs, zfs, lvm, rbd, overlay, loop, nbd); without it the back end is detected. "
                      "overlay takes overlay:LOWER[:LOWER...]:UPPER, nbd takes nbd:FILE[:PARTITION]."},
    {.name = "lxc.rootfs.mount",
     .codec = mount_codec(),
     .syntax = "PATH",
     .example = "/srv/mnt",
     .initial = kDefaultRootfsMount,
     .documentation = "The host directory on which the root file system is mounted before the container's processes change "
                      "into it. Any existing directory will do."},
    {.name = "lxc.rootfs.options",
     .codec = checked_text<check_options, &Conf::rootfs, &RootfsConf::options>(),
     .syntax = "OPTION[,OPTION...]",
     .example = "idmap=container,ro",
     .initial = "none",
     .documentation = "Mount options of the root file system, as in fstab(5). idmap=container mounts it with the ids of the "
                      "container's user namespace, so that its files need no change of owner; idmap=PATH takes the user "
                      "namespace that PATH names. create=, optional and relative are refused."},
    {.name = "lxc.rootfs.managed",
     .flags = kLive,
     .codec = flag<&Conf::rootfs, &RootfsConf::managed>(),
     .syntax = "0|1",
     .example = "0",
     .initial = "1",
     .since = "3.0",
     .documentation = "0 leaves the storage to somebody else: destroying the container removes none of it."},
};

}  // namespace

std::span<const Key> rootfs_keys() { return kKeys; }

}  // namespace berth::config
