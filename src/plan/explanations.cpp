// Runs in: the starting command, after a failure.
#include "plan/explanations.hpp"

#include <errno.h>
#include <linux/magic.h>

#include <array>

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::plan {
namespace {

using child::Op;

struct Row {
  Op op;                  // kNone = any
  std::string_view call;  // empty = any
  int code;
  std::string_view because;
  std::string_view hint;
};

constexpr auto kRows = std::to_array<Row>({
    Row{Op::kAttachRoot, "mount", ENOENT,
        "a layer of the root file system, or the work directory beside the upper one, does not exist",
        "create it, or correct lxc.rootfs.path"},
    Row{Op::kBind, "open", ENOENT, "the source does not exist", "create it, or add the option optional to the entry"},
    Row{Op::kBind, "open", EACCES, "the source can't be reached with the ids of the container's root",
        "give every directory on the way to it the x permission for others"},
    Row{Op::kNone, "openat2", ELOOP, "a component of the target is a symbolic link in the container's tree",
        "name the directory that the link points to instead"},
    Row{Op::kNone, "openat2", EXDEV, "the target leaves the container's root", "remove the .. components from the target"},
    Row{Op::kNone, "openat2", ENOENT, "the target does not exist in the container's root",
        "create it, or add create=dir or create=file to the entry"},
    Row{Op::kNone, "openat2", EROFS, "the target does not exist, and the root is read-only",
        "create it on the host, or remove ro from lxc.rootfs.options"},
    Row{Op::kNone, "openat2", ENOTDIR, "a component of the target is not a directory", "correct the target"},
    Row{Op::kBind, "move_mount", ENOTDIR, "a file can't be mounted on a directory, nor a directory on a file",
        "add create=file or create=dir, or correct the target"},
    Row{Op::kNone, "mount", ENODEV, "the kernel has no such file system type", "correct the type, or load its module"},
    Row{Op::kNone, "mount", ENOENT, "the source does not exist", "create it, or add the option optional to the entry"},
    Row{Op::kNone, "mount", ENOTBLK, "the source is not a block device", "name a block device, or use the option bind"},
    Row{Op::kMountFilesystem, "mount", EINVAL, "the file system refused its options, or the source holds no such file system",
        "check the options of the entry"},
    Row{Op::kMountFilesystem, "mount", EPERM, "a user namespace may not mount this file system", "bind the host's mount instead"},
    Row{Op::kMakeCgroup, "", EACCES, "the caller may not make cgroups here",
        "start it as root, or in a delegated cgroup: systemd-run --user --scope -p Delegate=yes lxc-start ..."},
    Row{Op::kMakeCgroup, "", EROFS, "the cgroup file system is mounted read-only", "remount it writable"},
    Row{Op::kMakeCgroup, "", EEXIST, "another container took the name since the start was planned", "start it again"},
    Row{Op::kMakeCgroup, "", ENOSPC, "the kernel's limit of cgroups is reached",
        "remove unused cgroups, or raise cgroup.max.descendants"},
    Row{Op::kMakeCgroup, "", EAGAIN, "the limit of cgroups in this place is reached",
        "raise cgroup.max.descendants of the parent"},
    Row{Op::kWriteHostFile, "", EINVAL, "the kernel refused the value", "check the value against the controller's documentation"},
    Row{Op::kWriteHostFile, "", ERANGE, "the kernel refused the value: out of range",
        "check the value against the controller's documentation"},
    Row{Op::kWriteHostFile, "", ENOENT, "the controller has no such file on this kernel", "remove the line, or correct the name"},
    Row{Op::kDeviceProgram, "bpf", EPERM, "the kernel does not let this process attach device programs",
        "start it as root of the host, or remove lxc.cgroup2.devices.* (lxc.cgroup2.devices.deny = clears the list)"},
    Row{Op::kDeviceProgram, "bpf", E2BIG, "the program is too long for this kernel, or the group holds 64 programs already",
        "join device rules with * in the place of numbers"},
    Row{Op::kProcessLimit, "", EPERM, "raising a hard limit needs CAP_SYS_RESOURCE",
        "lower the value to the host's hard limit, or remove the line"},
    Row{Op::kProcessLimit, "", EINVAL, "the soft limit is above the hard limit",
        "write it as SOFT:HARD with SOFT not above HARD"},
    Row{Op::kWriteProc, "", ENOENT, "the kernel has no such file for a process", "correct the name after lxc.proc."},
    Row{Op::kWriteProc, "", EACCES, "the caller may not set this value (lowering an OOM score needs CAP_SYS_RESOURCE)",
        "use a higher value, or remove the line"},
    Row{Op::kWriteProc, "", EINVAL, "the kernel refused the value", "correct the value"},
    Row{Op::kCoreScheduling, "", EINVAL, "the kernel does not support core scheduling (CONFIG_SCHED_CORE)",
        "remove lxc.sched.core"},
    Row{Op::kClone, "", EPERM, "the caller may not make these namespaces", "start it as root, or give it an id map"},
    Row{Op::kClone, "", ENOSPC, "a limit of namespaces is reached", "raise /proc/sys/user/max_*_namespaces"},
    Row{Op::kClone, "", EUSERS, "user namespaces are nested too deeply", "start it from a shallower level"},
    Row{Op::kWriteIdMap, "", EPERM, "the caller may not map these ids",
        "name ranges of /etc/subuid and /etc/subgid in lxc.idmap"},
    Row{Op::kWriteIdMap, "", EINVAL, "the kernel refused the map: ranges overlap, or there are too many",
        "correct the lxc.idmap lines"},
    Row{Op::kReplaceFile, "rename", EBUSY, "something is mounted on the file", "remove that mount entry, or lxc.net.N.dns"},
    Row{Op::kReplaceFile, "rename", EISDIR, "it is a directory in the container", "remove it, or the line"},
    Row{Op::kReplaceFile, "", EROFS, "the container's root is read-only", "remove ro from lxc.rootfs.options, or the line"},
    Row{Op::kWriteFile, "", ENOENT, "the kernel has no such setting", "correct the name after lxc.sysctl."},
    Row{Op::kWriteFile, "", EACCES, "the setting can't be changed from inside the container",
        "set it on the host, or remove the line"},
    Row{Op::kWriteFile, "", EPERM, "the setting can't be changed from inside the container",
        "set it on the host, or remove the line"},
    Row{Op::kWriteFile, "", EINVAL, "the kernel refused the value", "correct the value"},
    Row{Op::kSetIds, "", EINVAL, "the id is not mapped in the container", "extend lxc.idmap to cover it"},
    Row{Op::kSetIds, "", EPERM, "the container's root may not take this id", "keep setuid and setgid in the capabilities"},
    Row{Op::kOpenSlot, "open", ENOENT, "it has gone since the start was planned", "start it again"},
    Row{Op::kTimeOffsets, "write", ERANGE, "the offset would make the clock negative or too large", "correct lxc.time.offset.*"},
    Row{Op::kConsolePty, "open", ENOSPC, "no pseudo terminal is left", "raise lxc.pty.max, or kernel.pty.max on the host"},
    Row{Op::kTtyPtys, "open", ENOSPC, "no pseudo terminal is left", "raise lxc.pty.max, or kernel.pty.max on the host"},
    Row{Op::kAttachRoot, "open_tree", EACCES, "the container's root may not reach the root file system",
        "give every directory on the way to it the x permission for others"},
    Row{Op::kAttachRoot, "mount", EINVAL, "the file system refused its options, or can't be made of these layers",
        "check lxc.rootfs.options and lxc.rootfs.path; the kernel's log (dmesg) has the reason"},
    Row{Op::kAttachRoot, "mount", ESTALE, "the upper layer was used with other lower layers before",
        "name the layers that it was made with in lxc.rootfs.path"},
    Row{Op::kAttachRoot, "mount", EACCES, "the container's root may not reach a layer of the root file system",
        "give every directory on the way to it the x permission for others"},
    Row{Op::kSendRoot, "fsopen", ENODEV, "the kernel has no such file system", "load its module (modprobe)"},
    Row{Op::kSendRoot, "fsconfig", EINVAL, "it refused its options, or the device holds no such file system",
        "check lxc.rootfs.options; the kernel's log (dmesg) has the reason"},
    Row{Op::kSendRoot, "fsconfig", EBUSY, "the device is in use", "look for what has it mounted: findmnt, lsblk"},
    Row{Op::kSendRoot, "fsconfig", EUCLEAN, "the file system is damaged", "check it while the container is stopped: fsck"},
    Row{Op::kSendRoot, "fsconfig", EROFS, "the device can't be written to, and the file system must be",
        "make it writable, or add ro to lxc.rootfs.options"},
    Row{Op::kSendRoot, "fsconfig", ENOENT, "the device has gone since the start was planned", "start it again"},
    Row{Op::kPivotRoot, "", EINVAL, "the host's root can't be pivoted (an initial ramfs?)",
        "boot the host with a real root file system"},
    Row{Op::kSeccompFilter, "seccomp", EACCES,
        "loading a filter needs CAP_SYS_ADMIN in the container's user namespace, or no_new_privs", "set lxc.no_new_privs = 1"},
    Row{Op::kSeccompFilter, "seccomp", EINVAL,
        "the kernel refused the filter: it is built without seccomp filters, or too old for one",
        "use a kernel with CONFIG_SECCOMP_FILTER (5.0 or later for notify), or clear the line: lxc.seccomp.profile ="},
    Row{Op::kSeccompFilter, "seccomp", EBUSY, "a filter with a listener is in force already, and the kernel allows one only",
        "use a policy without notify in a container of a container that has one"},
    Row{Op::kSeccompFilter, "connect", ENOENT, "lxc.seccomp.notify.proxy names a socket that is not there",
        "start the proxy first, or correct the line"},
    Row{Op::kSeccompFilter, "connect", ECONNREFUSED, "nobody listens at lxc.seccomp.notify.proxy",
        "start the proxy first, or correct the line"},
    Row{Op::kHostname, "", EINVAL, "the name is longer than 64 bytes", "shorten lxc.uts.name"},
});

struct FilesystemName {
  long magic;
  std::string_view name;
};

constexpr auto kFilesystems = std::to_array<FilesystemName>({
    FilesystemName{EXT4_SUPER_MAGIC, "ext4"},
    FilesystemName{0x58465342, "xfs"},
    FilesystemName{BTRFS_SUPER_MAGIC, "btrfs"},
    FilesystemName{OVERLAYFS_SUPER_MAGIC, "overlay"},
    FilesystemName{TMPFS_MAGIC, "tmpfs"},
    FilesystemName{NFS_SUPER_MAGIC, "nfs"},
    FilesystemName{RAMFS_MAGIC, "ramfs"},
    FilesystemName{SQUASHFS_MAGIC, "squashfs"},
    FilesystemName{PROC_SUPER_MAGIC, "proc"},
    FilesystemName{SYSFS_MAGIC, "sysfs"},
});

std::string filesystem_of(const std::string& path) {
  const auto about = sys::stat_filesystem(path);
  if (!about) return "the file system";
  for (const FilesystemName& row : kFilesystems) {
    if (row.magic == static_cast<long>(about->f_type)) return std::string(row.name);
  }
  return "the file system";
}

bool refuses_idmap(const child::Failure& failure) {
  return std::string_view(failure.call) == "mount_setattr" && (failure.error == EINVAL || failure.error == EPERM);
}

Explanation explain_idmap(const PlannedStep& step, const child::Failure& failure) {
  if (!refuses_idmap(failure)) return {};
  const std::string type = step.op == Op::kSendRoot ? step.text[2] : filesystem_of(step.text[0]);
  return {strings::cat(type, " at ", step.text[0], " takes no id-mapped mounts on this kernel"),
          "remove the idmap option and own the files by the container's ids, or use another file system"};
}

std::string root_of(const Plan& plan) {
  for (const PlannedStep& step : plan.steps) {
    if (step.op == Op::kAttachRoot) return step.text[0];
  }
  return {};
}

bool matches(const Row& row, Op op, const child::Failure& failure) {
  return row.code == failure.error && (row.op == Op::kNone || row.op == op) && (row.call.empty() || row.call == failure.call);
}

}  // namespace

Explanation look_up(const Plan& plan, const PlannedStep& step, const child::Failure& failure) {
  if (step.op == Op::kExec && !step.list[0].empty()) return examine_program(root_of(plan), step.list[0].front(), failure.error);
  if (step.op == Op::kNetlink) return explain_network(step, failure);
  if (step.op == Op::kSendIdmappedTree || (step.op == Op::kSendRoot && refuses_idmap(failure)))
    return explain_idmap(step, failure);
  for (const Row& row : kRows) {
    if (matches(row, step.op, failure)) return {std::string(row.because), std::string(row.hint)};
  }
  return {};
}

}  // namespace berth::plan
