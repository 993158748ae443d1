// The plan of an attach: the same blob as a start's, carried out by berth-attach. Pure functions of what the caller found out.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "plan/plan.hpp"

namespace berth::plan {

struct AttachLimit {
  int resource;  // RLIMIT_*
  rlim64_t soft, hard;
};

// Where the terminal of the command comes from.
enum class AttachTerminal { kNone, kContainer, kHost };

// Everything that decides what the helper does.
struct AttachSpec {
  std::vector<std::string> command;      // empty: shell of the uid
  std::vector<std::string> environment;  // complete, NAME=VALUE
  int namespaces = 0;                    // CLONE_NEW* mask to enter
  bool by_pidfd = true;                  // false: slot 1 + N holds the N-th namespace of the mask (os::namespaces() order)
  std::vector<std::string> tasks;        // cgroup files to write "0" to, absolute
  std::vector<AttachLimit> limits;
  pid_t core_cookie_of = -1;      // >= 0: process whose core-scheduling cookie is shared
  bool remount_sys_proc = false;  // only looked at when the mount namespace is not entered
  std::string cwd;                // used when the mount namespace is entered
  std::optional<std::uint64_t> personality;
  std::optional<std::uint64_t> capabilities;  // bounding set to shrink to; nothing: unchanged
  bool no_new_privileges = false;
  std::optional<security::CompiledFilter> seccomp;  // the container's
  std::optional<uid_t> uid;                         // nothing: unchanged
  std::optional<gid_t> gid;
  std::optional<std::vector<gid_t>> groups;  // nothing: dropped where ids are set at all
  AttachTerminal terminal = AttachTerminal::kNone;
};

Plan plan_attach(const AttachSpec& spec);

// The command's environment, in LXC's order: what is kept of `own`, PATH where it got lost, container=lxc, the configured
// variables, `set`. The later one of the same name wins.
struct AttachEnvironmentRules {
  bool clear = false;
  std::vector<std::string> keep;
  std::vector<std::string> configured;  // lxc.environment
  std::vector<std::string> set;
};
std::vector<std::string> attach_environment(const std::vector<std::string>& own, const AttachEnvironmentRules& rules);

// What /proc/PID/status tells of a container's init.
struct InitStatus {
  std::uint64_t bounding = ~std::uint64_t{0};
  bool no_new_privileges = false;
};
InitStatus parse_init_status(std::string_view status);

}  // namespace berth::plan
