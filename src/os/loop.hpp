// Loop devices (loop(4)): a file as a block device. They clear themselves with their last user, so none is left by who is killed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "sys/file.hpp"

namespace berth::os {

struct LoopDevice {
  Fd fd;             // open device; while it is, the device stays
  std::string path;  // "/dev/loop3"
  bool read_only = false;
  bool shared = false;  // it was there before: somebody else uses it too
};

// The device that shows the whole of this file (fstat(2) of it), whoever made it. Error: /sys or a device can't be read.
Result<std::optional<LoopDevice>> find_loop_device(const struct ::stat& file);

// A device for the file, the found one or a new one. Two devices of one file would be two file systems that overwrite each other:
// a lock on the file sees to it that all who come here get the same. Can be written where the file can, whatever `write` says:
// then it must. Error: EBUSY (a program has locked the file, or all devices are in use), EROFS (`write`, and there is a read-only
// device), ENOENT (no such file, no loop driver, or the device has no node in this /dev).
Result<LoopDevice> attach_loop_device(const std::string& path, bool write);

// The device sees that its file has another length.
Status refresh_loop_size(const LoopDevice& device);

}  // namespace berth::os
