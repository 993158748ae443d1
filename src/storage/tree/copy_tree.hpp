// Copies a directory tree that somebody else filled, and may still be changing: the root file system of a container.
#pragma once

#include <string>

#include "base/result.hpp"

namespace berth::storage {

// Makes `destination`, which must not exist, a copy of the directory `source`: data, holes, hard links within the tree, symbolic
// links, fifos, sockets, device nodes, owners, permissions, times to the nanosecond, extended attributes. Blocks are shared where
// the file system can. Works through descriptors only, never follows a symbolic link, and needs few of them whatever the depth.
// Stays on the mount of `source`: where something is mounted in it the copy has an empty directory or file. Entries that vanish
// meanwhile are left out. Until it is complete nobody but its owner can enter the copy. What an Error leaves behind is the
// caller's to remove; it names the file.
Status copy_tree(const std::string& source, const std::string& destination);

// The same for one regular file; `destination` must not exist. A symbolic link at `source` is followed.
Status copy_file(const std::string& source, const std::string& destination);

}  // namespace berth::storage
