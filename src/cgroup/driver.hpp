// Control groups: what a container needs of them, computed as data. Nothing here creates or writes anything; the plan's
// host steps do, in the caller or the monitor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"

namespace berth::cgroup {

enum class Layout { kNone, kV1, kHybrid, kV2 };

// One mounted hierarchy of the host.
struct Hierarchy {
  std::string controllers;  // "cpu,cpuacct", "name=systemd"; empty = the unified (v2) hierarchy
  std::string mount_point;  // "/sys/fs/cgroup/cpu"
  std::string own_path;     // the caller's cgroup below mount_point, "/" or "/user.slice/..."
  std::string root = "/";   // the cgroup that is mounted there; not "/" inside a container without a cgroup namespace
  [[nodiscard]] bool unified() const { return controllers.empty(); }
};

struct Host {
  Layout layout = Layout::kNone;
  std::vector<Hierarchy> hierarchies;  // v1 first, in mount order; unified last
  bool privileged = true;              // the caller is root: it leaves its own cgroup and starts at the root of the hierarchy
  std::string delegate_list = "/sys/kernel/cgroup/delegate";
};

// Reads /proc/self/mountinfo and /proc/self/cgroup (below `proc`, for tests). Of mounts that cover each other the visible
// one counts, of several mounts of one hierarchy the first. `use` is lxc.cgroup.use: controllers to handle, empty or "@all" =
// all; the unified hierarchy is always kept. Errors: a controller of `use` that the host does not have.
Result<Host> detect_host(const std::string& proc = "/proc", const std::vector<std::string>& use = {});
// The parsers behind it, pure functions of the text. own_path is "/" until assign_own_paths.
std::vector<Hierarchy> parse_mounts(std::string_view mountinfo);
void assign_own_paths(std::vector<Hierarchy>& hierarchies, std::string_view proc_cgroup);

// A value to write into a file of the payload's limit group.
struct Setting {
  std::string file;  // "memory.max", "devices.deny"
  std::string value;
  Origin origin;
};

// The cgroup section that the plan hands over (from lxc.cgroup.*).
struct Request {
  std::string name;  // container
  std::string dir, dir_monitor, dir_container, dir_container_inner, dir_monitor_pivot, pattern;
  bool relative = false;
  bool namespaced_user = false;  // delegate ownership to owner_uid/owner_gid
  uid_t owner_uid = 0;
  gid_t owner_gid = 0;
  std::vector<Setting> v1, v2;
};

struct Write {
  std::string path;  // absolute
  std::string value;
  Origin origin;
  bool devices = false;   // device rules wait until /dev is populated
  bool may_fail = false;  // nothing that the configuration asked for depends on it (controllers enabled for the guest's own use)
};

// Device rules where no v1 hierarchy takes them: for the group's limits, once /dev is populated.
struct DeviceProgram {
  std::string group;               // absolute directory
  std::vector<std::string> rules;  // "deny a", "allow c 1:3 rwm": what it was made of
  bool allowed_at_first = true;    // what no rule names
  std::string program;             // instructions of a BPF_PROG_TYPE_CGROUP_DEVICE program, 16 hexadecimal digits each
  Origin origin;                   // of the first rule
};

// Everything about one hierarchy for one container. Paths are absolute directories.
struct Placement {
  Hierarchy hierarchy;
  std::string monitor;             // .../lxc.monitor.NAME
  std::string limit;               // .../lxc.payload.NAME: limits are written here
  std::string payload;             // the same, or .../INNER below it: init lives here
  std::vector<std::string> make;   // directories to make, parents first, those that exist already left out
  std::vector<std::string> stale;  // our empty leftovers of a crashed run that must be removed first
};

struct Arrangement {
  std::vector<Placement> placements;
  std::vector<Write> writes;  // in order; enabling of controllers and cpuset inheritance come first
  struct Chown {
    std::string path;
    uid_t uid;
    gid_t gid;
  };
  std::vector<Chown> chowns;
  std::optional<DeviceProgram> devices;
  std::string pivot;         // unified lxc.pivot directory, empty on v1
  std::string freezer_file;  // freezer.state or cgroup.freeze
  bool freezer_is_v2 = false;
  std::vector<std::string> warnings;  // one line each, for the person who starts the container
};

// Order for the one who carries it out: stale (remove_tree), make, writes without `devices`, chowns (a path that does not
// exist is skipped: the kernel decides which files a group has), later the writes with `devices`
// and the device program. Chooses names as LXC does
// (suffix -1 … -999 when taken by something alive; empty leftovers of a dead run are reused after removal), lists what to make,
// write and own. Reads the file system, changes nothing. Errors: no hierarchy writable, no free name among 1000, a setting whose
// controller is not there (names key and line).
Result<Arrangement> arrange(const Host& host, const Request& request);

// A v1 setting expressed in v2 and the reverse (cpu.shares -> cpu.weight, ...). Nothing when there is no faithful translation.
// `among` = the other settings of the same kind, for values that v1 keeps in two files and v2 in one or the reverse
// (cpu.cfs_quota_us with cpu.cfs_period_us, memory.memsw.limit_in_bytes with memory.limit_in_bytes). An empty list means that
// another setting's translation carries the value.
std::optional<std::vector<Setting>> translate_to_v2(const Setting& setting, const std::vector<Setting>& among = {});
std::optional<std::vector<Setting>> translate_to_v1(const Setting& setting, const std::vector<Setting>& among = {});

// --- on a living group -------------------------------------------------------------------------------------------------
// True when the directory exists and holds a process, itself or below.
bool populated(const std::string& directory);
// Removes the directory and all groups below it; absent is success. A group that still holds a process is an error that
// names the process.
Status remove_tree(const std::string& directory);

}  // namespace berth::cgroup
