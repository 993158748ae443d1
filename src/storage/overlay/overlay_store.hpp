// Root file systems of layers: lower ones that are never written to, and an upper one with what the container changed.
//
// The path is LOWER[:LOWER...]:UPPER. A new container has CONTAINER/rootfs and CONTAINER/overlay/delta; a snapshot of a container
// in a directory (dir, btrfs) has that one's root as its lower layer; a snapshot of an overlay has the same lower layers, and a
// copy of its upper one. A full copy is independent of all: what the source shows becomes its own lower layer.
//
// Limits and habits:
// - What a template or a copy puts into a new root goes to the lower layer, so that snapshots share it: while both layers are
//   empty, the lower one is the root. From then on all changes are in the upper one.
// - The lower layer of a snapshot must stay as it is: the kernel does not say what such a root shows after the source was written
//   to. The source can't be destroyed before its snapshots are (snapshot_needs_source).
// - destroy() removes the upper layer with the work directory, and the lower one if that is CONTAINER/rootfs of the same
//   container. Another lower layer stays: given by --dir, it is the user's.
// - The upper layer must be on a file system with extended attributes and typed directory entries (ext4, xfs, btrfs, tmpfs, not
//   NFS, FAT or another overlay): refused before anything is kept there.
// - For those who are not root of the host it takes Linux 5.11 (userxattr). Snapshots keep that: a root's snapshots made as root
//   are of no use to others.
// - Paths may have colons, backslashes (with a backslash before them) and, since Linux 6.5, commas: older kernels refuse these in
//   fsconfig(2). 255 bytes each; all lower layers together as well before Linux 6.7.
#pragma once

#include "storage/backing_store.hpp"

namespace berth::storage {

const BackingStore& overlay_store();

}  // namespace berth::storage
