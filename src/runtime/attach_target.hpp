// What an attach must know of a running container, asked from its monitor and read from its first process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/pid_ref.hpp"
#include "plan/attach_plan.hpp"
#include "runtime/attach.hpp"

namespace berth::runtime {

struct AttachTarget {
  os::PidRef init;
  int namespaces = 0;  // CLONE_NEW* in which init differs from the caller
  plan::InitStatus status;
  std::uint64_t personality = 0;
  std::uint64_t core_cookie = 0;          // 0 = none
  bool no_new_privileges = false;         // configured
  bool filtered = false;                  // by a seccomp filter that the caller does not have
  std::string seccomp_profile;            // the container's policy file; asked for when it is filtered
  std::string label;                      // of a Linux security module, when confined and not the caller's own; else empty
  std::vector<plan::AttachLimit> limits;  // lxc.prlimit.*
  std::vector<std::string> environment;   // lxc.environment, lxc.environment.runtime
  std::vector<std::string> v1_tasks;      // absolute `tasks` files
  std::string unified_group;              // absolute directory of the payload; empty = no unified hierarchy
  std::string freezer;                    // freezer.state (v1) or cgroup.freeze; empty = none
};

// The first process of a running container, and nothing else of it. Errors: not running, permission denied.
struct RunningInit {
  os::PidRef process;
  int namespaces = 0;  // CLONE_NEW* in which it differs from the caller
};
Result<RunningInit> find_running(const Container& container);

// Errors: not running, frozen (the command would never run, unless it stays out of the control groups), permission denied.
Result<AttachTarget> learn_target(const Container& container, const AttachRequest& request);

}  // namespace berth::runtime
