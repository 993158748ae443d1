// A root with all subvolumes in it as a stream, whole or as the difference to one that the other side has.
//
// The form: the line "berth-btrfs 1", then for each subvolume, those around others first, a line "subvolume LENGTH MODE" (MODE:
// rw or ro) with its path of LENGTH bytes below the root (0: the root) and a line feed, and the stream of `btrfs send`; the line
// "end" last.
#pragma once

#include <string>

#include "base/result.hpp"
#include "storage/progress.hpp"

namespace berth::storage::btrfs {

// The read-only snapshots of what was sent or received last stay at DIRECTORY/.berth-sent/NAME/kept, for a root DIRECTORY/NAME;
// those that begin_send() makes are at DIRECTORY/.berth-sent/NAME/new until end_send(). What lies there and is not the caller's
// alone, or none of these, is touched by nothing: EEXIST. `base` is the root whose ones the difference starts from;
// empty: a whole stream. The word of a state is the UUID by which `btrfs send` names the root's snapshot.
Result<std::string> begin_send(const std::string& path);
Status end_send(const std::string& path, bool shared);
Status send_root(const std::string& path, const std::string& base, int output, Progress& progress);
Status receive_root(const std::string& path, const std::string& base, int input, Progress& progress);
// A difference is applied to the state of `base`, or to the same one of a container beside it; ESTALE when `btrfs receive` found
// something else, with what it made taken back.
// Empty: there is none.
Result<std::string> shared_state(const std::string& path);
// Removes them, and what a killed one left; absent is success.
Status forget_sent(const std::string& path);

}  // namespace berth::storage::btrfs
