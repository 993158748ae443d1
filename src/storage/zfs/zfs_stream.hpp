// Roots as streams of `zfs send`.
//
// begin_send() leaves the snapshot DATASET@berth-sending-TIME; end_send() makes it DATASET@berth-sent-TIME, and receive() leaves
// the same on the other side: what both have is where the next difference starts. Of these the last one is kept. It keeps the
// data that it holds from being freed, and goes with the root. TIME (nanoseconds since 1970) is the word of the state.
#pragma once

#include <string>

#include "base/result.hpp"
#include "storage/progress.hpp"

namespace berth::storage::zfs {

Result<std::string> begin_send(const std::string& dataset);
// `shared`: the other side has it, or will; older ones go. Else it goes.
Status end_send(const std::string& dataset, bool shared);

// What begin_send() kept to `output`: whole, or (`base` not empty) what has changed since `base` was sent or received. The two
// must be one file system's states: the base is `dataset` itself, or the dataset whose clone it is, by a snapshot that was sent.
// ENOENT: no such state.
Status send(const std::string& dataset, const std::string& base, int output, Progress& progress);

// Of the last state that was sent or received; empty: none was.
Result<std::string> shared_state(const std::string& dataset);
// All states; one that a clone needs stays until that goes.
Status forget_sent(const std::string& dataset);

// Makes `dataset`, which is not there yet, with the mount point `mount_point`, from a stream of send(). With `base`, the root
// that received the state before: the two share their data after it, and may be destroyed in any order.
Status receive(const std::string& dataset, const std::string& base, const std::string& mount_point, int input,
               Progress& progress);

}  // namespace berth::storage::zfs
