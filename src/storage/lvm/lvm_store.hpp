// Root file systems on a logical volume: "lvm:/dev/GROUP/VOLUME", by the programs of LVM (package lvm2).
//
// A volume is thin when the group has the thin pool that was named, else thick. Limits:
//  - A snapshot of a thin volume is independent of its source, and active at every boot as that is. One of a thick volume needs
//    its source, has as much room for differences as was said (default: the source's size), is lost when that is used up, can't
//    be resized, and can't have snapshots.
//  - A pool that is nearly full is refused before anything is made. One that fills later stops its volumes: watch it, or let LVM
//    extend it (lvmthin(7)).
//  - Volumes stay active. An inactive one is activated when it is needed.
//  - XFS can't be made smaller, ext4 only while it is not in use; a thick volume with snapshots has the size that it has.
//  - Roots of one group are told apart by the container's name: two containers of one name need --lvname.
#pragma once

#include "storage/backing_store.hpp"

namespace berth::storage {

const BackingStore& lvm_store();

}  // namespace berth::storage
