// The hooks that a command runs itself, with no monitor: lxc.hook.clone and lxc.hook.destroy.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/conf.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

struct ConfigHooks {
  const Container& container;
  const config::Conf& conf;
  config::HookType type;                   // kClone or kDestroy
  std::string root_mount{};                // LXC_ROOTFS_MOUNT; empty: lxc.rootfs.mount
  int mounts = -1;                         // a mount namespace to run in (root_namespace.hpp); the caller's without
  std::vector<std::string> environment{};  // added, NAME=VALUE
  std::vector<std::string> arguments{};    // behind their own, one word each
  std::string hint{};                      // for the Error of a hook that fails; empty: nothing of the container has been removed
};

// Runs each to its end, in order; what one leaves running is not waited for. Their output is shown only in the Error of one that
// fails, which ends the run.
Status run_config_hooks(const ConfigHooks& hooks);

}  // namespace berth::runtime
