// Root file systems that are a ZFS dataset, by the zfs command (OpenZFS, zfs-fuse).
//
// The path is the dataset, POOL/.../NAME; "/POOL/.../NAME" and its mount point, which old configurations have, mean it too.
//  - A root is mounted by `zfs mount` at its `mountpoint` (create: below /run/berth/zfs; moved(): ROOTFS of the container) while
//    it is in use, for everybody to see. When it was mounted before, it stays so; and when somebody else works in it at the end,
//    zfs refuses to unmount it, and it stays mounted too.
//  - zfs-fuse mounts in the mount namespace of its daemon: a caller in another one that mounts do not reach is refused.
//  - Volumes, and datasets whose `mountpoint` is none or legacy, are not mounted by zfs: refused.
//  - A size is a `refquota`: snapshots and clones do not count. An own `quota` of the administrator is respected, not changed.
//  usage() tells
//    what zfs has counted, which may be some seconds old.
//  - A snapshot is SOURCE@NAME and a clone of it. Destroying a source gives its snapshots to a clone (zfs promote), so nobody
//    depends on an order; the origin goes with its last clone. Snapshots that others made of a root go with the root; datasets
//    below it are in the way (EBUSY).
//  - Streams: zfs_stream.hpp. The base of an incremental one is the root itself, or the root whose clone it is by a sent
//  snapshot.
#pragma once

#include "storage/backing_store.hpp"

namespace berth::storage {

const BackingStore& zfs_store();

}  // namespace berth::storage
