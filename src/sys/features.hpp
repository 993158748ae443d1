// What this kernel can do, found by trying, never by its version. One row a feature; a test or BERTH_FEATURES_OFF
// (comma-separated names; honoured only when the program is not setuid) switches a row off to exercise the fallback.
#pragma once

#include <span>
#include <string_view>

namespace berth::sys {

enum class Feature {
  kNewMountApi,      // open_tree, move_mount, fsopen (5.2)
  kMountSetattr,     // mount_setattr (5.12)
  kIdmappedMounts,   // mount_setattr with MOUNT_ATTR_IDMAP (5.12, per file system)
  kOpenat2,          // openat2 (5.6)
  kClone3,           // clone3 (5.3)
  kCloneIntoCgroup,  // CLONE_INTO_CGROUP (5.7)
  kPidfd,            // pidfd_open, CLONE_PIDFD (5.3)
  kPidfdSetns,       // setns with a pidfd (5.8)
  kCgroupNamespace,  // (4.6)
  kTimeNamespace,    // (5.6)
  kUserNamespace,
  kCgroupKill,     // cgroup.kill (5.14)
  kSeccompNotify,  // SECCOMP_FILTER_FLAG_NEW_LISTENER (5.0)
  kCloseRange,     // close_range (5.9)
  kDeviceProgram,  // bpf: BPF_PROG_TYPE_CGROUP_DEVICE, built in and allowed to this process (4.15)
};

struct FeatureRow {
  Feature feature;
  std::string_view name;   // as in BERTH_FEATURES_OFF
  std::string_view since;  // the kernel that makes the fallback removable
};

std::span<const FeatureRow> feature_rows();
// Probed once a process, then remembered.
bool has(Feature feature);

// Replaces the answer for the life of the object. For tests.
class ScopedFeature {
 public:
  ScopedFeature(Feature feature, bool available);
  ScopedFeature(const ScopedFeature&) = delete;
  ScopedFeature& operator=(const ScopedFeature&) = delete;
  ~ScopedFeature();

 private:
  Feature feature_;
  signed char previous_;
};

}  // namespace berth::sys
