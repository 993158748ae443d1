// Root file systems on an image of a Ceph cluster, by the rbd command: /dev/rbd/POOL/NAME (or /dev/rbd/POOL/NAMESPACE/NAME).
//
//  - The path is a name, not a device that must be there: a root is mapped while it is in use, by the kernel's module rbd, or by
//    rbd-nbd where the kernel has none. An image that another client has open is not mapped: its file system would be destroyed.
//    rbd-nbd unmaps also what is mounted, so that its devices have one user at a time: a running container on one can't be
//    resized, nor copied.
//  - New images have the feature "layering" alone, which every kernel since 3.10 maps.
//  - Cluster, user and key are those of /etc/ceph/ceph.conf, CEPH_CONF and CEPH_ARGS. --rbduser counts while a root is made, as
//  it
//    does for LXC; to use it later as a user other than client.admin, CEPH_ARGS='--id USER' must be set.
//  - A snapshot is SOURCE@berth-for-NAME, protected, and a clone of it: the source can't be destroyed before its clones are.
//    A snapshot of a running container is what a power cut would leave.
//  - Destroying an image destroys its snapshots, also those that others made. A mapped image can't be renamed.
//  - Incremental streams (`rbd export-diff`) are not offered.
#pragma once

#include "storage/backing_store.hpp"

namespace berth::storage {

const BackingStore& rbd_store();

}  // namespace berth::storage
