// File systems on a device that grows or shrinks under them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "storage/backing_store.hpp"

namespace berth::storage::block {

// The device under a root, for resize(): what differs between a file, a volume and an image.
struct ResizableDevice {
  std::string path;        // "/dev/loop3"
  std::string type;        // of the file system
  std::uint64_t size = 0;  // now, bytes
  bool in_use = false;     // somebody else has it, mounted presumably
  // Makes the device itself so long.
  std::function<Status(std::uint64_t bytes)> set_size;
};

// Device and file system to `bytes`. The device is longer than its file system at any moment between, so that a repetition
// completes what was interrupted. Refused before anything is touched: smaller than what is in it; smaller at all, where the file
// system can't (XFS) or can't while it is mounted (ext4); 0.
Status resize(const ResizableDevice& device, std::uint64_t bytes);

// The refusals that only need to know the sizes.
Status check_resize(const std::string& type, const std::string& path, std::uint64_t size, std::uint64_t bytes);

// Of the files on it, by statfs(2); the limit is the device's size. Mounts it for a moment.
Result<Usage> usage(Attachment attachment);

}  // namespace berth::storage::block
