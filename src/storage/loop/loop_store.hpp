// Root file systems in a file: "loop:FILE", shown as a block device by the kernel.
//
// Limits: the file is sparse, so what is written inside may meet a full disk later; copies are checked for that before they
// count. A snapshot shares its blocks where the host's file system can (Btrfs, XFS), and is of no concern to its source;
// elsewhere it is refused with EOPNOTSUPP. It holds what the source has on its disk: of a running container as after a power
// failure. XFS can't be made smaller, ext4 only while it is not in use.
#pragma once

#include "storage/backing_store.hpp"

namespace berth::storage {

const BackingStore& loop_store();

}  // namespace berth::storage
