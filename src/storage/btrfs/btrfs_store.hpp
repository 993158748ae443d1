// Root file systems that are a subvolume of btrfs, in the container's directory.
//
// Limits and habits:
// - A path without TYPE is of kind dir, subvolume or not (LXC asks dir first); snapshots of such roots work all the same.
// - Clones share data by snapshot whenever source and copy are on one file system, full copies too: they are as independent as
//   others, at once, whatever the size. Subvolumes in the source (made by systemd, Docker) become snapshots at their place.
// - A size is a quota group's limit. Asking for one turns the quota groups of the whole file system on, which costs some speed
//   everywhere on it, and waits until all is counted. The limit is on the root's own subvolume; what a container puts into
//   subvolumes that it makes itself is not limited by it. A copy has its source's limit.
// - Users who are not root make and snapshot subvolumes; those they can't delete are emptied and removed as directories
//   (Linux 4.18). Quota groups are root's.
// - send() and receive() are `btrfs send` and `btrfs receive` of a read-only snapshot (and of one of each subvolume in it), as
//   root. The snapshots that both sides share stay beside the root, CONTAINER/.berth-sent/rootfs/kept/0, 1, ...,
//   where the next one's difference starts; they keep what they hold from being freed, and go with the root. So an incremental
//   stream needs a base that was sent before, or received, and of a base it is the state as of then that counts. A stream is
//   trusted like an archive that root unpacks.
#pragma once

#include "storage/backing_store.hpp"

namespace berth::storage {

const BackingStore& btrfs_store();

}  // namespace berth::storage
