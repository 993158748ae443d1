// Who keeps a device mounted that this process does not see mounted.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace berth::os {

struct MountHolder {
  pid_t pid = 0;
  std::string program;  // as /proc/PID/comm has it
};

// A process in whose mount namespace `device` ("/dev/loop2") is mounted. Nothing: it is mounted in the caller's own, or nowhere
// that /proc shows.
std::optional<MountHolder> find_mount_holder(std::string_view device);

}  // namespace berth::os
