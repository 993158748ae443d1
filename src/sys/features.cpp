// Runs in: every process on the host's side.
#include "sys/features.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>

#include <array>
#include <atomic>
#include <cstdlib>

#include "base/strings.hpp"
#include "sys/bpf.hpp"
#include "sys/file.hpp"
#include "sys/outcome.hpp"

namespace berth::sys {
namespace {

using Probe = bool (*)();

bool opens(long result) {
  if (result < 0) return false;
  (void)raw::call(SYS_close, result);
  return true;
}

bool probe_new_mount_api() {
  return opens(raw::call(SYS_open_tree, AT_FDCWD, "/", O_CLOEXEC)) && raw::call(SYS_fsopen, nullptr, 0) != -ENOSYS &&
         raw::call(SYS_move_mount, -1, nullptr, -1, nullptr, 0) != -ENOSYS;
}

// A structure of size nought is refused with EINVAL before rights are looked at; EPERM would come from a filter.
bool probe_mount_setattr() { return raw::call(SYS_mount_setattr, -1, "", 0, nullptr, 0) == -EINVAL; }

// A descriptor that can't exist: EBADF says that the attribute is understood. Without the right to mount nothing more can be
// learnt.
bool probe_idmapped_mounts() {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = 0x7fffffff;
  const long result = raw::call(SYS_mount_setattr, -1, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
  return result == -EBADF || (result == -EPERM && has(Feature::kMountSetattr));
}

bool probe_openat2() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return opens(raw::call(SYS_openat2, AT_FDCWD, "/", &how, sizeof how));
}

bool probe_clone3() { return raw::call(SYS_clone3, nullptr, 0) == -EINVAL; }

// A flag of clone3: without that there is no such birth. The member `cgroup` came with the flag. A kernel that lacks it refuses
// the longer structure with E2BIG; one that has it goes on to the impossible signal. No process is made either way.
bool probe_clone_into_cgroup() {
  if (!has(Feature::kClone3)) return false;
  clone_args arguments{};
  arguments.exit_signal = 0xff;
  arguments.cgroup = 1;
  return raw::call(SYS_clone3, &arguments, CLONE_ARGS_SIZE_VER2) == -EINVAL;
}

long own_pidfd() { return raw::call(SYS_pidfd_open, raw::call(SYS_getpid), 0); }

bool probe_pidfd() { return opens(own_pidfd()); }

// Joining the own UTS namespace changes nothing; a kernel that takes no pidfd says EINVAL, one that does may say EPERM.
bool probe_pidfd_setns() {
  const long pidfd = own_pidfd();
  if (pidfd < 0) return false;
  const Fd owner(static_cast<int>(pidfd));
  const long result = raw::call(SYS_setns, owner.get(), CLONE_NEWUTS);
  return result == 0 || result == -EPERM;
}

bool probe_cgroup_namespace() { return exists("/proc/self/ns/cgroup"); }
bool probe_time_namespace() { return exists("/proc/self/ns/time_for_children"); }

bool probe_user_namespace() {
  if (!exists("/proc/self/ns/user")) return false;
  const Result<std::string> most = read_file("/proc/sys/user/max_user_namespaces");
  return !most || strings::trim(*most) != "0";
}

// The file is in every group of the unified hierarchy but its root.
bool kill_file_below(const std::string& hierarchy) {
  if (!exists(hierarchy + "/cgroup.procs")) return false;
  const Result<std::vector<DirectoryEntry>> groups = list_directory(hierarchy);
  if (!groups) return false;
  for (const DirectoryEntry& entry : *groups) {
    if (entry.type == 4 /* DT_DIR */) return exists(strings::cat(hierarchy, '/', entry.name, "/cgroup.kill"));
  }
  return false;
}

// A container's own root group is no root to the kernel, so it has the file itself.
bool probe_cgroup_kill() {
  for (const char* hierarchy : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (exists(strings::cat(hierarchy, "/cgroup.kill")) || kill_file_below(hierarchy)) return true;
  }
  return false;
}

bool probe_seccomp_notify() {
  const std::uint32_t action = SECCOMP_RET_USER_NOTIF;
  return raw::call(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool probe_close_range() { return raw::call(SYS_close_range, ~0U, ~0U, 0) == 0; }

bool probe_device_program() {
  constexpr bpf_insn kAllowAll[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return load_device_program(kAllowAll).has_value();
}

struct Entry {
  FeatureRow row;
  Probe probe;
};

constexpr auto kEntries = std::to_array<Entry>({
    Entry{{Feature::kNewMountApi, "new-mount-api", "5.2"}, probe_new_mount_api},
    Entry{{Feature::kMountSetattr, "mount-setattr", "5.12"}, probe_mount_setattr},
    Entry{{Feature::kIdmappedMounts, "idmapped-mounts", "5.12"}, probe_idmapped_mounts},
    Entry{{Feature::kOpenat2, "openat2", "5.6"}, probe_openat2},
    Entry{{Feature::kClone3, "clone3", "5.3"}, probe_clone3},
    Entry{{Feature::kCloneIntoCgroup, "clone-into-cgroup", "5.7"}, probe_clone_into_cgroup},
    Entry{{Feature::kPidfd, "pidfd", "5.3"}, probe_pidfd},
    Entry{{Feature::kPidfdSetns, "pidfd-setns", "5.8"}, probe_pidfd_setns},
    Entry{{Feature::kCgroupNamespace, "cgroup-namespace", "4.6"}, probe_cgroup_namespace},
    Entry{{Feature::kTimeNamespace, "time-namespace", "5.6"}, probe_time_namespace},
    Entry{{Feature::kUserNamespace, "user-namespace", "3.8"}, probe_user_namespace},
    Entry{{Feature::kCgroupKill, "cgroup-kill", "5.14"}, probe_cgroup_kill},
    Entry{{Feature::kSeccompNotify, "seccomp-notify", "5.0"}, probe_seccomp_notify},
    Entry{{Feature::kCloseRange, "close-range", "5.9"}, probe_close_range},
    Entry{{Feature::kDeviceProgram, "device-program", "4.15"}, probe_device_program},
});

constexpr bool in_order_of_the_enumeration() {
  for (std::size_t i = 0; i < kEntries.size(); ++i) {
    if (static_cast<std::size_t>(kEntries[i].row.feature) != i) return false;
  }
  return true;
}
static_assert(in_order_of_the_enumeration());

constexpr signed char kUnknown = -1;

// Atomic because programs that embed the library may ask from several threads; two probes at once are harmless.
std::atomic<signed char>& answer(Feature feature) {
  struct Unknowns {
    std::array<std::atomic<signed char>, kEntries.size()> values;
    Unknowns() {
      for (auto& value : values) value = kUnknown;
    }
  };
  static Unknowns answers;
  return answers.values[static_cast<std::size_t>(feature)];
}

// A setuid program must not let its caller pick the weaker path.
bool switched_off(std::string_view name) {
  if (::getauxval(AT_SECURE) != 0) return false;
  const char* list = std::getenv("BERTH_FEATURES_OFF");
  if (list == nullptr) return false;
  for (const std::string_view word : strings::split_words(list, ", ")) {
    if (word == name) return true;
  }
  return false;
}

}  // namespace

std::span<const FeatureRow> feature_rows() {
  static const auto rows = [] {
    std::array<FeatureRow, kEntries.size()> result{};
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = kEntries[i].row;
    return result;
  }();
  return rows;
}

bool has(Feature feature) {
  std::atomic<signed char>& known = answer(feature);
  if (known == kUnknown) {
    const Entry& entry = kEntries[static_cast<std::size_t>(feature)];
    known = !switched_off(entry.row.name) && entry.probe() ? 1 : 0;
  }
  return known == 1;
}

ScopedFeature::ScopedFeature(Feature feature, bool available) : feature_(feature), previous_(answer(feature)) {
  answer(feature) = available ? 1 : 0;
}

ScopedFeature::~ScopedFeature() { answer(feature_) = previous_; }

}  // namespace berth::sys
