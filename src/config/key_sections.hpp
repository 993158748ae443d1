// The rows by section; each function is defined in the keys_*.cpp of its name. Only key_table.cpp needs this header.
#pragma once

#include <span>

#include "config/key_table.hpp"

namespace berth::config {

std::span<const Key> rootfs_keys();
std::span<const Key> mount_keys();
std::span<const Key> console_keys();
std::span<const Key> cgroup_keys();
std::span<const Key> namespace_keys();
std::span<const Key> init_keys();
std::span<const Key> kernel_keys();
std::span<const Key> hook_keys();
std::span<const Key> security_keys();
std::span<const Key> management_keys();
std::span<const Key> network_root_keys();

}  // namespace berth::config
