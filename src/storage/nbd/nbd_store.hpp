// Root file systems in an image of QEMU's (qcow2, raw and others), or on a partition of one: "nbd:FILE[:PARTITION]", shown as a
// block device by qemu-nbd (package qemu-utils).
//
// New images are qcow2, or raw when their name ends in .raw or .img. Limits:
//  - A snapshot takes the source's data as it is for a base that nobody writes any more (FILE.base-N, beside the source), which
//    the source and the snapshot then build upon: both need it for ever, and the source must not be in use.
//  - The device is no file's property, and stays after SIGKILL: the next use of the file, or destroy(), disconnects it.
//  - An image of which a partition is the root may hold others: it is not destroyed, resized or shared.
//  - An image is resized while it is not in use.
#pragma once

#include "storage/backing_store.hpp"

namespace berth::storage {

const BackingStore& nbd_store();

// Of an image's device that nobody uses, as a killed process left it. EBUSY: somebody does.
Status disconnect_unused_nbd(const std::string& file);

}  // namespace berth::storage
