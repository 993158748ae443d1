// The global configuration: lxc.conf. Read once a process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::config {

// The value of a key of lxc.conf (lxc.lxcpath, lxc.default_config, lxc.bdev.lvm.vg, lxc.bdev.lvm.thin_pool, lxc.bdev.zfs.root,
// lxc.bdev.rbd.rbdpool, lxc.bdev.rbd.rbduser, lxc.cgroup.pattern, lxc.cgroup.use), or its default. Unknown key: an Error.
// File: /etc/lxc/lxc.conf for euid 0, else ~/.config/lxc/lxc.conf.
Result<std::string> global_item(std::string_view key);
// "is not set" is different from "empty": keys without value and default.
Result<bool> global_item_is_set(std::string_view key);
std::vector<std::string_view> global_keys();

}  // namespace berth::config
