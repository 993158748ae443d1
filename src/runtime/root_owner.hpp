// Whose a root file system is: by what the kernel finds at its path, not by how that is written.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/conf.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

// `path` is `directory` or lies in it, by device and inode, whatever links and mounts lead there; of what does not exist (yet)
// the nearest directory above it counts. False where `directory` does not exist.
Result<bool> lies_in(const std::string& path, const std::string& directory);

// Error: with the container's root, or its directory, something would go that is not its own: a directory above it, another
// container, a root that another configuration of the same lxcpath names. What can't be found out is an Error too.
// Those `gone` will have been removed by then.
Status check_root_is_own(const Container& container, const config::Conf& conf, std::span<const Container> gone = {});

// Of the container's directory: what holds a layer of its root or leads there, which stays when lxc.rootfs.managed = 0.
Result<std::vector<std::string>> unmanaged_entries(const Container& container, const config::Conf& conf);

}  // namespace berth::runtime
