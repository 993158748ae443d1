// The configuration of one container as typed data. The key table (key_table.hpp) is the only code that
// fills or prints it.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace berth::config {

#ifndef BERTH_ROOTFS_MOUNT
#define BERTH_ROOTFS_MOUNT "/usr/lib/x86_64-linux-gnu/lxc/rootfs"
#endif
// Where a root file system is mounted when lxc.rootfs.mount is not set.
inline constexpr std::string_view kDefaultRootfsMount = BERTH_ROOTFS_MOUNT;

// A value of a list-valued key together with the line that set it.
template <typename T>
struct Sourced {
  T value;
  Origin origin;
};
using SourcedText = Sourced<std::string>;

struct IdMapEntry {
  char kind;             // 'u' or 'g'
  std::uint32_t inside;  // first id in the container
  std::uint32_t host;    // first id on the host
  std::uint32_t count;
};

struct RootfsConf {
  std::string path;     // without the back-end prefix; empty = the host's root is shared
  std::string type;     // "dir", "btrfs", ...; empty = detect
  std::string mount;    // where it is mounted before pivot_root
  std::string options;  // as written
  bool managed = true;
};

// lxc.mount.auto, one family each.
enum class AutoMode { kNone, kReadOnly, kMixed, kReadWrite };
struct AutoMounts {
  AutoMode proc = AutoMode::kNone;
  AutoMode sys = AutoMode::kNone;
  AutoMode cgroup = AutoMode::kNone;
  bool cgroup_default = false;  // "cgroup" alone: kReadWrite when CAP_SYS_ADMIN is kept; `cgroup` then holds kMixed
  bool cgroup_full = false;     // cgroup-full: whole hierarchies instead of the container's part
  bool cgroup_force = false;    // also when the container may mount them itself
  bool cgroup2 = false;         // cgroup2 tokens
  bool cgroup2_read_only = false;
  std::string shmounts_host, shmounts_container;
};

struct MountConf {
  AutoMounts automatic;
  std::vector<SourcedText> entries;  // lxc.mount.entry, one fstab line each
  std::string fstab;
};

struct DevConf {
  bool autodev = true;
  std::uint64_t tmpfs_size = 500000;  // bytes
  std::uint32_t tty_max = 0;
  std::string tty_dir;
  std::uint32_t pty_max = 0;
};

struct ConsoleConf {
  std::string path;  // host terminal, or "none"
  std::string logfile;
  std::uint64_t buffer_size = 0, log_size = 0;  // bytes
  bool rotate = false;
};

enum class HookType { kPreStart, kPreMount, kMount, kAutodev, kStartHost, kStart, kStop, kPostStop, kClone, kDestroy };
inline constexpr std::size_t kHookTypes = 10;

struct HookConf {
  std::array<std::vector<SourcedText>, kHookTypes> commands;
  unsigned version = 0;
};

struct CapabilityConf {
  // At most one of the two is in use. `keep_none` = "lxc.cap.keep = none" was given.
  std::vector<SourcedText> drop, keep;
  bool keep_none = false;
};

struct CgroupConf {
  std::vector<Sourced<std::pair<std::string, std::string>>> v1, v2;  // file name, value; in order
  std::string dir, dir_monitor, dir_container, dir_container_inner, dir_monitor_pivot;
  bool relative = false;
};

struct NamespaceConf {
  std::optional<int> clone;          // CLONE_NEW* mask: exactly these
  std::optional<int> keep;           // CLONE_NEW* mask: inherit these
  std::map<int, SourcedText> share;  // CLONE_NEW* -> pid, container name, or path
};

struct LimitValue {
  std::uint64_t soft, hard;  // RLIM_INFINITY = unlimited
};

struct InitConf {
  std::string command;          // lxc.init.cmd
  std::string execute_command;  // lxc.execute.cmd
  std::string cwd;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

struct SignalConf {
  int halt = 0, reboot = 0, stop = 0;  // 0 = default
  int death = 9;                       // lxc.monitor.signal.pdeath
};

struct SecurityConf {
  std::string apparmor_profile;
  bool apparmor_allow_incomplete = false, apparmor_allow_nesting = false;
  std::vector<std::string> apparmor_raw;
  std::string selinux_context, selinux_keyring_context;
  std::string seccomp_profile, seccomp_notify_proxy, seccomp_notify_cookie;
  bool seccomp_allow_nesting = false;
  bool no_new_privs = false;
  bool disable_session_keyring = false;
};

struct AutostartConf {
  bool automatic = false;
  unsigned delay = 0;  // seconds
  int order = 0;
  std::vector<std::string> groups;
};

struct LogConf {
  std::string file;
  std::optional<int> level;  // log::Level
  std::string syslog;
};

// One lxc.net.N block. The subkeys that only networks use are kept as text here until the network issue types them;
// `type` and `flags` are what this release acts on.
struct NetworkConf {
  unsigned index = 0;
  std::string type;
  std::vector<std::pair<std::string, SourcedText>> values;  // subkey, value in order
  Origin origin;                                            // of the type line
};

struct Conf {
  RootfsConf rootfs;
  MountConf mounts;
  DevConf dev;
  ConsoleConf console;
  HookConf hooks;
  CapabilityConf capabilities;
  CgroupConf cgroup;
  NamespaceConf namespaces;
  InitConf init;
  SignalConf signals;
  SecurityConf security;
  AutostartConf autostart;
  LogConf log;
  std::vector<NetworkConf> networks;  // sorted by index
  std::vector<Sourced<IdMapEntry>> idmap;
  std::vector<Sourced<std::pair<int, LimitValue>>> limits;                       // RLIMIT_* -> values
  std::vector<Sourced<std::pair<std::string, std::string>>> sysctls;             // key, value
  std::vector<Sourced<std::pair<std::string, std::string>>> proc;                // file below /proc/INIT, value
  std::vector<SourcedText> environment, environment_runtime, environment_hooks;  // NAME=VALUE
  std::string uts_name;
  std::optional<std::uint64_t> personality;  // PER_LINUX or PER_LINUX32
  std::int64_t time_offset_boot_ns = 0, time_offset_monotonic_ns = 0;
  bool ephemeral = false, core_scheduling = false;
  unsigned monitor_unshare = 0;  // any number but 0 switches it on

  // Where each single-valued key was last set: key -> line. For messages ("set by: file:12") and `config show --origin`.
  std::map<std::string, Origin, std::less<>> origins;
  // The same for keys of which several lines count, one entry a line; for subkeys of networks too.
  std::map<std::string, std::vector<Origin>, std::less<>> list_origins;
  // The lines that made up the key's value, in their order; empty: the default.
  [[nodiscard]] std::vector<Origin> origins_of(std::string_view key) const;
  [[nodiscard]] Origin origin(std::string_view key) const {
    const auto found = origins.find(key);
    return found == origins.end() ? Origin{} : found->second;
  }
  // The text of the top file, verbatim, which save writes back.
  std::string unexpanded;
};

}  // namespace berth::config
