// Where locks and run-time files live: /run for root, else XDG_RUNTIME_DIR, else ~/.cache/lxc/run.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::os {

struct RunDirFacts {
  bool owns_run = false;  // effective uid and gid own /run
  std::optional<std::string> xdg_runtime_dir;
  std::optional<std::string> home;
};

// The rule alone. Error: neither variable is set.
Result<std::string> choose_run_directory(const RunDirFacts& facts);
// The rule for this process. Changes nothing.
Result<std::string> run_directory();

// Opens `relative` below `base`, making directories with mode 0700 where there are none. No component below `base` may be a
// symbolic link, and each must belong to this user or root and be writable by nobody else: otherwise EPERM/ELOOP with the reason.
Result<Fd> ensure_private_directory(const std::string& base, std::string_view relative);

}  // namespace berth::os
