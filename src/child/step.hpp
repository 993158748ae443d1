// The plan as plain data: what the starting command writes, the monitor and the container's first process read.
//
// A blob is one contiguous, position-independent block on a sealed memfd: BlobHeader, the steps, then strings and lists.
// All references are byte offsets from the start of the blob; offset 0 means "absent". BlobView checks every bound before use.
#pragma once

#include <cstddef>
#include <cstdint>

namespace berth::child {

// Which process carries a step out, and when.
enum class Phase : std::uint8_t {
  kCaller,     // the starting command, before the monitor exists
  kBeside,     // the starting command, while the monitor starts; the monitor waits for them by kAwait Point::kGroupsMade
  kPrepare,    // the monitor, before the container's first process exists
  kContainer,  // the container's first process, between clone and exec
  kParallel,   // the monitor, while that process works
  kStop,       // the monitor, after that process has ended (stop hooks, post-stop hooks)
  kUndo,       // the monitor (or the caller, when no monitor came to be), in reverse order of `undoes`
};

enum class Op : std::uint16_t {
  kNone,
  // --- meeting points between the monitor and the container's first process --------------------------------------------
  kAwait,    // num0 = Point; blocks until the other side reached it
  kRelease,  // num0 = Point; tells the other side
  // --- host side (caller, monitor) -----------------------------------------------------------------------------------
  kMakeCgroup,     // text0 = directory; num0 = mode. EEXIST is a failure: the name was taken since the plan was made
  kRemoveCgroup,   // text0 = directory; removed with all below it; absent is fine
  kJoinCgroup,     // text0 = v1 `tasks` file (written by the joining process itself: no migration lock, no RCU wait)
  kOpenSlot,       // text0 = path, num0 = slot, num1 = open flags
  kWriteHostFile,  // text0 = path, text1 = value (cgroup limits)
  kChownHost,      // text0 = path, num0 = uid, num1 = gid; absent is fine
  kHostHook,       // list0 = argv, list1 = environment, text0 = command, text1 = type ("stop"), num0 = hook version; LXC_PID and
                   // LXC_TARGET are added, for "stop" the namespace descriptors too (version 0: arguments, 1: environment)
  kPrivateMounts,  // lxc.monitor.unshare: own mount namespace, slave propagation
  kHostPty,        // num0 = slot: a pty of the host's devpts (containers without their own instance)
  kClone,          // num0 = CLONE_* flags, num1 = cgroup slot or -1, num2 = mask of slots to setns into first
  kWriteIdMap,     // text0 = "uid_map" or "gid_map", text1 = lines; list0 = argv of newuidmap/newgidmap when the caller lacks the
                   // right; its pid is put behind argv[0]
  kDenySetgroups,  // writes "deny" to /proc/INIT/setgroups
  kWriteProc,      // text0 = file below /proc/INIT, text1 = value
  kProcessLimit,   // num0 = RLIMIT_*, num1 = soft, num2 = hard (as unsigned 64 bit)
  kSendIdmappedTree,  // text0 = path, num0 = attributes to set, num1 = 1 recursive; the tree is idmapped to the container's
                      // userns and sent
  kSendRoot,   // mounts the root's file system at no place and sends the tree: text0 = what it is, for messages, text1 = the user
               // namespace whose ids it gets: "container", a namespace file, absent: none; text2 = type, list0 = keys and values
               // for fsconfig(2), an empty value being a flag
  kCloseSlot,  // num0 = slot
  kAwaitRunning,      // waits for exec
  kShareDirectory,    // text0 = directory, made when missing; becomes a shared mount of itself. text1 = the uppermost directory
                      // that has to be made, absent: none
  kUnshareDirectory,  // the same texts: unmounts it and removes what was made, as far as it is empty
  kEnsureDirectory,   // text0 = directory, num0 = mode, num1 = uid, num2 = gid: made so when it is absent, those above it too
  kDeviceProgram,     // text0 = cgroup v2 directory, text1 = instructions in hexadecimal; list0 = the rules in words
  kOpenNetwork,  // num0 = slot for the network namespace of the container's first process, num1 = slot for a NETLINK_ROUTE socket
                 // in it
  kNetlink,  // block = NetlinkRequest; text0 = the interface that it is about; num0 = slot of the socket or kNoSlot = one of the
             // host; num1 = errno that counts as done or 0; num2 = slot of the container's network namespace
  kBringHome,  // an interface of the host that is inside: text0 = its name at home, text1 = its kind, text2 = another name for
               // home should the first be taken, list0 = its alternative names; num0 = slot of the container's network namespace,
               // num1 = slot of a socket in it, num2 = its index inside, num3 = 1: wireless. kNetlink steps that follow name it
               // by ""
  kClearNetwork,        // num0 = slot of a socket in the container's namespace: what stands on links of the host goes at once
  kNoTransmitChecksum,  // text0 = interface, num0 = slot of a socket in its namespace: it fills checksums in by itself no more
  kGuard,               // from here on somebody takes steps marked kStepOutlives back, should the monitor be killed
  // --- container side --------------------------------------------------------------------------------------------------
  kDeathSignal,     // num0 = signal
  kBecomeRoot,      // setgroups(0), gid 0, uid 0 in the new user namespace
  kJoinGroups,      // list0 = cgroup v1 tasks files; "0" is written to each
  kWriteSlots,      // num0 = mask of slots; "0" is written to each (cgroup v1 tasks files opened by the monitor)
  kUnshare,         // num0 = CLONE_* flags
  kTimeOffsets,     // text0 = lines for /proc/self/timens_offsets; then enters the new time namespace
  kEnterNamespace,  // num0 = slot, num1 = CLONE_* type
  kPropagation,     // text0 = path, num0 = MS_* flags
  kHook,            // list0 = argv, list1 = environment
  kAttachRoot,  // text0 = source (absent: the host's root is shared), num0 = MS_* flags, num1 = propagation MS_*, num2 = Tree,
                // num3 = slot of the mount point, opened by a kOpenSlot step before ids change. Tree::kNew: text1 = mount point,
                // text2 = type, text3 = data for mount(2)
  kHostname,    // text0
  kSessionKeyring,  //
  kRaiseLoopback,   //
  kMakeDirectory,   // text0 = path in the root, num0 = mode
  kMakeNode,  // text0 = path in the root, num0 = mode with type, num1 = dev_t; falls back to a bind of text1 (host path) on EPERM
  kMakeSymlink,  // text0 = target, text1 = path in the root; an existing entry is kept
  kReplaceFile,  // text0 = path in the root, text1 = what the file holds; a file or link of that name goes, its directory is made
  kMountFilesystem,  // text0 = type, text1 = source, text2 = target in the root, text3 = data, num0 = MS_*, num1 = Target
                     // options, num2 = propagation MS_*
  kBind,  // text0 = source, text1 = target in the root, num0 = MS_* to set, num1 = Target options, num2 = propagation MS_*, num3
          // = MS_* to clear
  kDevpts,  // text0 = mount data, text1 = the same without gid= for user namespaces that lack it; mounts the private instance on
            // dev/pts and links dev/ptmx
  kConsolePty,  // num0 = slot of a host pty or -1 (own devpts); bound on text0 and text1 (in the root, either may be absent); its
                // ptmx goes to the monitor
  kTtyPtys,     // num0 = count, text0 = directory ("dev/lxc" or "dev"); ptmx descriptors go to the monitor
  kPivotRoot,   // text0 = mount point
  kBootId,      // covers /proc/sys/kernel/random/boot_id with a fresh one
  kPersonality,       // num0
  kWriteFile,         // text0 = absolute path in the container, text1 = value (sysctl)
  kCapabilities,      // num0 = mask kept in the bounding set
  kNoNewPrivileges,   //
  kWorkingDirectory,  // text0; created 0755 when missing
  kSetIds,            // num0 = uid, num1 = gid, num2 = 1: apply list0 as supplementary groups (decimal), 0: leave
  kSession,           // num0 = 1: own session; num1 = slot that becomes stdio, or -1 = the console; num2 = 1: only
                      // descriptors that are terminals are replaced; num3 = 1: it becomes the controlling terminal too
  kExec,            // list0 = argv, list1 = environment, num0 = slot of a program (execveat) or -1; text0 = the file to execute,
                    // empty = argv[0]
  kCoreScheduling,  // new core-scheduling cookie
  kSeccompFilter,   // block = an array of struct sock_filter, text0 = the policy's file; num0 = 1: with a listener, which goes
                    // to the monitor (or the caller of attach)
  // --- attach: carried out by berth-attach (child/attach_steps.hpp) only; kJoinCgroup, kProcessLimit and kHostPty there
  //     concern the helper itself -----------------------------------------------------------------------------------------
  kEnterNamespaces,  // num0 = slot of init's pidfd, num1 = CLONE_NEW* mask: all in one call
  kShareCoreCookie,  // num0 = pid whose core-scheduling cookie is taken over
  kFreshProcSys,     // private mount namespace with its own /proc and /sys
  kAttachPty,        // a pty of the container's devpts: slave into slot num0, owned by uid num1; ptmx goes to the caller.
                     // num2 >= 0: slot of a host pty's ptmx to use instead
  kEnterDirectory,   // text0; "/" when that does not exist
  kExecCommand,      // as kExec, and a file without a known format is given to /bin/sh. Empty list0: the shell of uid num1
  // --- changes to a running container: carried out by a short-lived process (child/live_steps.hpp) only ------------------
  kNodeTree,     // num0 = mode with type, num1 = dev_t, num2 = uid, num3 = gid: a device node on a file system of its own becomes
                 // the detached tree in slot kLiveTreeSlot. Before any namespace of the container is entered
  kAttachTree,   // text0 = target in the root, num1 = Target options: the detached tree in slot kLiveTreeSlot goes there
  kUnmount,      // text0 = absolute path, num0 = MNT_* and UMOUNT_* flags
  kReplaceNode,  // text0 = path in the root, numbers as kNodeTree: made, or put in the place of another device node
  kRemoveNode,   // text0 = path in the root: a device node, made or mounted there
};

// kAwait / kRelease.
enum class Point : std::int64_t {
  kIdsMapped = 1,    // monitor -> container: id maps and cgroups are in place
  kSetUp = 2,        // container -> monitor: the root is ready, only the start hook, ids and exec remain
  kGo = 3,           // monitor -> container: start-host hooks are done
  kAboutToExec = 4,  // container -> monitor: the next event is exec (end of file on the channel) or a failure
  kGroupsMade = 5,   // starting command -> monitor: the kBeside steps are done
  kInGroups = 6      // container -> monitor: it has entered its cgroups, and needs the kernel's lock of them no more
};

// Slots: small table of descriptors that steps share. The child inherits the monitor's table.
inline constexpr unsigned kSlots = 64;
inline constexpr int kNoSlot = -1;

// kAttachRoot num2: where the tree comes from; kNew: a mount that the container's first process makes itself.
enum class Tree : std::int64_t { kPath = 0, kReceived = 1, kNew = 2 };

// kMountFilesystem, kBind num1: how the target is treated. Bits.
enum TargetOption : std::int64_t {
  kTargetExisting = 0,
  kTargetCreateDirectory = 1 << 0,
  kTargetCreateFile = 1 << 1,
  kTargetOptional = 1 << 2,      // a mount that can't be made, whatever the reason, is left out (told to the log)
  kTargetSourceInRoot = 1 << 3,  // `relative`: the source is resolved below the container's root
  kTargetReceived = 1 << 4,      // the source is the next tree descriptor that the monitor sends (idmapped mount)
  kTargetHidden = 1 << 5,        // not a user's mount: not shown in hints
};

// Step::flags
enum StepFlag : std::uint32_t {
  kStepClassicMount = 1 << 0,  // the kernel lacks the descriptor-based mount calls
  kStepNoOpenat2 = 1 << 1,     // the kernel lacks openat2: components are walked with O_NOFOLLOW
  kStepOnReboot = 1 << 2,      // host steps: carried out again when the container reboots
  kStepMayFail = 1 << 3,       // a failure is logged, and the plan goes on (stop hooks)
  kStepLazyUndo = 1 << 5,      // kUndo: may wait until who waits for the stop has been answered
  kStepOutlives = 1 << 6,      // a start step whose undo is due even if the monitor is killed
  kStepFollowLinks = 1 << 4,   // symbolic links in paths of the root are followed, and end in that root
};

struct Step {
  Op op = Op::kNone;
  Phase phase = Phase::kPrepare;
  std::uint8_t reserved = 0;
  std::uint32_t flags = 0;
  std::uint32_t text[4] = {};
  std::uint32_t list[2] = {};  // each: u32 count, then count string offsets
  std::int64_t num[4] = {};
  std::uint32_t undoes = 0;       // kUndo: number (from 1) of the step that it takes back
  std::uint32_t doing = 0;        // "mounting the root file system"
  std::uint32_t origin_file = 0;  // the configuration line that asked
  std::uint32_t origin_line = 0;
  std::uint32_t origin_text = 0;
  std::uint32_t block = 0;  // u32 size, then that many bytes
};

// What the monitor needs to know besides the steps. Offsets of strings unless said otherwise.
struct MonitorSettings {
  std::uint32_t name, lxcpath;
  std::uint32_t socket_name;   // abstract address without its leading NUL
  std::uint32_t config_items;  // list: key, value, key, value, ... (command get_config_item)
  std::uint32_t
      cgroup_paths;  // list: controller ("" = unified), payload path below its hierarchy, limit path, hierarchy root, ...
  std::uint32_t monitor_cgroups;  // list: absolute directories, removed last
  std::uint32_t pivot_cgroup;     // absolute directory of the unified hierarchy in which the last process waits; 0 = none
  std::uint32_t freezer;          // absolute path of freezer.state (v1) or cgroup.freeze (v2)
  std::uint32_t console_log, console_path, pid_file, log_file;
  std::uint64_t console_buffer, console_log_size;  // bytes, 0 = off / unlimited
  std::uint32_t console_rotate, log_level, foreground, ephemeral;
  std::int32_t halt_signal, reboot_signal, stop_signal;  // 0 = default
  std::uint32_t clone_flags, tty_max;
  std::uint32_t destroy_program;  // list: argv run after a halt of an ephemeral container
  std::uint32_t log_prefix;
  std::uint32_t name_lock;  // path of a lock that the monitor holds while the last of it goes; 0 = none
  std::uint32_t freezer_is_v2;
  std::uint32_t syslog_facility;  // LOG_* of <syslog.h>, shifted; 0 = none
  std::uint32_t monitor_fifo;     // lxc-monitord's, absolute; 0 = nobody is told
};

inline constexpr std::uint32_t kBlobMagic = 0x31627262;  // "brb1"

struct BlobHeader {
  std::uint32_t magic = kBlobMagic;
  std::uint32_t size = 0;
  std::uint32_t step_offset = 0;
  std::uint32_t step_count = 0;
  MonitorSettings settings = {};
};

// The block of kNetlink: the fix-ups, then one rtnetlink request. Offsets are bytes from the start of the request.
struct NetlinkFixup {
  enum class Kind : std::uint32_t { kIndex, kHostNamespace, kContainerNamespace };
  Kind kind = Kind::kIndex;
  std::uint32_t offset = 0;
  char interface[16] = {};  // kIndex: its name, in the namespace of the socket; empty: the one that kBringHome has brought last
};
struct NetlinkRequest {
  std::uint32_t fixups = 0;  // so many NetlinkFixup follow
  std::uint32_t reserved = 0;
};

// How a step failed. Plain data, sent over sockets; the reader turns it into an Error with the plan's own words.
struct Failure {
  std::uint32_t step = 0;  // number from 0 in the blob
  std::int32_t error = 0;  // errno
  char call[32] = {};      // "mount_setattr"
  char object[512] = {};   // what it was called on
  char output[2048] = {};  // of a hook: the end of what it printed
};

enum class MessageKind : std::uint32_t {
  kReached,   // value = Point
  kFailed,    // failure
  kConsole,   // one descriptor: ptmx of the console
  kTtys,      // value descriptors: ptmx of tty1...
  kDevpts,    // one descriptor: the container's devpts mount
  kTree,      // monitor -> container: one descriptor, a detached mount
  kAttached,  // berth-attach: value = pid of the command's process, one descriptor: its pidfd
  kSkipped,   // for the log: failure of an optional mount, which was left out
  kListener,  // one descriptor: of seccomp notifications
  kOutput,    // for the log: one line that a hook printed (failure.step, failure.output)
};

struct Message {
  MessageKind kind = MessageKind::kReached;
  std::uint32_t value = 0;
  Failure failure = {};
};

}  // namespace berth::child
