// Removes a directory tree that somebody else filled: the root file system of a container, hostile as it may be.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::storage {

// Removes `path` with everything below it; an absent path is success. Works through descriptors only: never follows a symbolic
// link (a link at `path` itself is removed, its target stays), never enters another mount, and needs few descriptors whatever
// the depth. What is immutable or append-only loses that first, where the user may take it away; a file that has another name
// outside gets it back. The Error names the file that could not be removed and why (mount point, immutable attribute).
// One thread does it: a second one has won a quarter of the time on an idle machine and nothing on a busy one.
Status remove_tree(const std::string& path);

// The same without the directory itself and without the entries called `keep` in it. `path` may be a descriptor of this process,
// "/proc/self/fd/9".
Status remove_contents(const std::string& path, const std::vector<std::string>& keep);

// The directory itself, after remove_contents(). Success too where it has something in it again: that is somebody else's by now.
Status remove_emptied(const std::string& path);

}  // namespace berth::storage
