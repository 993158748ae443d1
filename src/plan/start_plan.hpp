// From a configuration to the plan of a start. No effect: it reads files and asks the kernel what it can do, nothing more.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cgroup/driver.hpp"
#include "config/conf.hpp"
#include "plan/plan.hpp"
#include "security/seccomp_filter.hpp"

namespace berth::plan {

// Where the root comes from when it has been looked up, and connected, by storage.
struct RootMount {
  std::string directory = {};  // bound; empty: a mount of its own
  std::string fstype = {}, device = {};
  std::vector<std::pair<std::string, std::string>> options = {};  // for fsconfig(2); an empty value is a flag
  std::string hold = {};                                          // a device that the monitor is to keep open
  std::vector<std::vector<std::string>> releases = {};            // programs with arguments, for the end
  bool described = false;  // only looked at, for a plan that is shown: `device` says what would be connected
};

struct StartInputs {
  const config::Conf& conf;
  std::string name, lxcpath;
  std::string config_file;
  cgroup::Host cgroups;
  std::string cgroup_pattern;
  bool privileged = true;  // the caller has the rights of root on the host
  bool foreground = false;
  bool with_init = false;                        // lxc-execute: berth's init is process 1, the command its child
  std::vector<std::string> command;              // empty: lxc.init.cmd
  std::map<int, std::string> shared_namespaces;  // CLONE_NEW* -> /proc/PID/ns/NAME; names and pids are resolved by the caller
  std::vector<std::string> caller_environment;   // for host-side hooks
  std::string console_path, console_log, pid_file, log_prefix, log_file;
  std::optional<std::uint32_t> log_level = {};           // goes before lxc.log.level
  std::optional<security::CompiledFilter> seccomp = {};  // of lxc.seccomp.profile
  bool terminal = false;                                 // foreground, and the caller sits at a terminal
  std::string network_helper = {};                       // path of berth-network; empty: not found
  std::string address_books = {};                        // directory of automatic addresses; empty: there can be none
  std::optional<RootMount> root = {};                    // nothing: lxc.rootfs.path is a directory, or absent
  bool remember_addresses = false;                       // those that are picked now; for a start, not for a look at its plan
};

Result<Plan> plan_start(const StartInputs& inputs);

}  // namespace berth::plan
