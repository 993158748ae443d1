// Removes a directory tree that somebody else filled: the root file system of a container, hostile as it may be.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::storage {

// Removes `path` with everything below it; an absent path is success. Works through descriptors only: never follows a symbolic
// link (a link at `path` itself is removed, its target stays), never enters another mount, and bounds its own depth whatever
// the tree's depth is. The Error names the file that could not be removed and why (mount point, immutable attribute).
Status remove_tree(const std::string& path);

// The same without the directory itself and without the entries called `keep` in it.
Status remove_contents(const std::string& path, const std::vector<std::string>& keep);

}  // namespace berth::storage
