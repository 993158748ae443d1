// Copies a directory tree that somebody else filled, and may still be changing: the root file system of a container.
#pragma once

#include <string>

#include "base/result.hpp"
#include "storage/progress.hpp"
#include "storage/tree/id_shift.hpp"

namespace berth::storage {

struct CopyOptions {
  Progress* progress = nullptr;  // nullptr: nobody listens
  IdShift shift{};               // empty: owners stay
  std::string shown{};           // the source's name in messages, when its path says little (/proc/self/fd/9); empty: its path
  unsigned threads = 0;          // 0: as many as this process may use processors, 2 at least and 8 at most
};

// Makes `destination`, which must not exist, a copy of the directory `source`: data, holes, hard links within the tree, symbolic
// links, fifos, sockets, device nodes, owners, permissions, times to the nanosecond, extended attributes, the inode flags i, a, A
// and d of chattr(1), and C where the file system has it. Blocks are shared where the file system can. Works through descriptors
// only, never follows a symbolic link, and needs at most some 200 of them whatever the depth. Stays on the mount of `source`:
// where something is mounted in it the copy has an empty directory or file. Entries that vanish meanwhile are left out; a
// directory that does may be empty instead. Until it is complete nobody but its owner can enter the copy. What an Error leaves
// behind is the caller's to remove; it names the file. Works with threads, which are all gone when it returns; Progress is called
// from any of them.
Status copy_tree(const std::string& source, const std::string& destination, const CopyOptions& options);
Status copy_tree(const std::string& source, const std::string& destination, Progress& progress);

// The same into the directory `destination`, which is there and holds nothing but, at most, directories that the source has too
// (a new file system's lost+found).
Status copy_contents(const std::string& source, const std::string& destination, const CopyOptions& options);
Status copy_contents(const std::string& source, const std::string& destination, Progress& progress);

// The same for one regular file; `destination` must not exist. A symbolic link at `source` is followed.
Status copy_file(const std::string& source, const std::string& destination);

}  // namespace berth::storage
