// Runs in: the starting command.
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "plan/plan.hpp"

namespace berth::plan {
namespace {

struct OpName {
  child::Op op;
  std::string_view name;
};

constexpr auto kOpNames = std::to_array<OpName>({
    OpName{child::Op::kAwait, "await"},
    OpName{child::Op::kRelease, "release"},
    OpName{child::Op::kMakeCgroup, "make-cgroup"},
    OpName{child::Op::kRemoveCgroup, "remove-cgroup"},
    OpName{child::Op::kJoinCgroup, "join-cgroup"},
    OpName{child::Op::kOpenSlot, "open"},
    OpName{child::Op::kWriteHostFile, "write-host-file"},
    OpName{child::Op::kChownHost, "chown"},
    OpName{child::Op::kHostHook, "host-hook"},
    OpName{child::Op::kPrivateMounts, "private-mounts"},
    OpName{child::Op::kHostPty, "host-pty"},
    OpName{child::Op::kClone, "clone"},
    OpName{child::Op::kWriteIdMap, "write-id-map"},
    OpName{child::Op::kDenySetgroups, "deny-setgroups"},
    OpName{child::Op::kWriteProc, "write-proc"},
    OpName{child::Op::kProcessLimit, "limit"},
    OpName{child::Op::kSendIdmappedTree, "send-idmapped-tree"},
    OpName{child::Op::kSendRoot, "send-root"},
    OpName{child::Op::kCloseSlot, "close"},
    OpName{child::Op::kAwaitRunning, "await-running"},
    OpName{child::Op::kShareDirectory, "share-directory"},
    OpName{child::Op::kEnsureDirectory, "ensure-directory"},
    OpName{child::Op::kUnshareDirectory, "unshare-directory"},
    OpName{child::Op::kDeviceProgram, "device-program"},
    OpName{child::Op::kOpenNetwork, "open-network"},
    OpName{child::Op::kNetlink, "netlink"},
    OpName{child::Op::kBringHome, "bring-home"},
    OpName{child::Op::kClearNetwork, "clear-network"},
    OpName{child::Op::kNoTransmitChecksum, "no-transmit-checksum"},
    OpName{child::Op::kGuard, "guard"},
    OpName{child::Op::kDeathSignal, "death-signal"},
    OpName{child::Op::kBecomeRoot, "become-root"},
    OpName{child::Op::kJoinGroups, "join-cgroups"},
    OpName{child::Op::kWriteSlots, "join-open-cgroups"},
    OpName{child::Op::kUnshare, "unshare"},
    OpName{child::Op::kTimeOffsets, "time-offsets"},
    OpName{child::Op::kEnterNamespace, "enter-namespace"},
    OpName{child::Op::kPropagation, "propagation"},
    OpName{child::Op::kHook, "hook"},
    OpName{child::Op::kAttachRoot, "attach-root"},
    OpName{child::Op::kHostname, "hostname"},
    OpName{child::Op::kSessionKeyring, "session-keyring"},
    OpName{child::Op::kRaiseLoopback, "raise-loopback"},
    OpName{child::Op::kMakeDirectory, "mkdir"},
    OpName{child::Op::kMakeNode, "mknod"},
    OpName{child::Op::kMakeSymlink, "symlink"},
    OpName{child::Op::kReplaceFile, "replace-file"},
    OpName{child::Op::kMountFilesystem, "mount"},
    OpName{child::Op::kBind, "bind"},
    OpName{child::Op::kDevpts, "devpts"},
    OpName{child::Op::kConsolePty, "console"},
    OpName{child::Op::kTtyPtys, "ttys"},
    OpName{child::Op::kPivotRoot, "pivot-root"},
    OpName{child::Op::kBootId, "boot-id"},
    OpName{child::Op::kPersonality, "personality"},
    OpName{child::Op::kWriteFile, "write-file"},
    OpName{child::Op::kCapabilities, "capabilities"},
    OpName{child::Op::kNoNewPrivileges, "no-new-privileges"},
    OpName{child::Op::kWorkingDirectory, "working-directory"},
    OpName{child::Op::kSetIds, "set-ids"},
    OpName{child::Op::kSession, "session"},
    OpName{child::Op::kExec, "exec"},
    OpName{child::Op::kCoreScheduling, "core-scheduling"},
    OpName{child::Op::kSeccompFilter, "seccomp-filter"},
    OpName{child::Op::kEnterNamespaces, "enter-namespaces"},
    OpName{child::Op::kShareCoreCookie, "share-core-scheduling"},
    OpName{child::Op::kFreshProcSys, "fresh-proc-sys"},
    OpName{child::Op::kAttachPty, "attach-terminal"},
    OpName{child::Op::kEnterDirectory, "enter-directory"},
    OpName{child::Op::kExecCommand, "exec-command"},
    OpName{child::Op::kNodeTree, "node-tree"},
    OpName{child::Op::kAttachTree, "attach-tree"},
    OpName{child::Op::kUnmount, "unmount"},
    OpName{child::Op::kReplaceNode, "replace-node"},
    OpName{child::Op::kRemoveNode, "remove-node"},
});

std::string origin_text(const Origin& origin) {
  if (!origin.known()) return {};
  return origin.line == 0 ? origin.file : fmt::format("{}:{}", origin.file, origin.line);
}

// What the words of a step leave out: the host's file, and the value that is written to it.
std::string object_text(const PlannedStep& step) {
  switch (step.op) {
    case child::Op::kMakeCgroup:
    case child::Op::kRemoveCgroup:
    case child::Op::kJoinCgroup:
    case child::Op::kOpenSlot:
    case child::Op::kChownHost:
    case child::Op::kDeviceProgram:
      return step.text[0];
    case child::Op::kWriteHostFile:
    case child::Op::kWriteFile:
      return fmt::format("{} = {}", step.text[0], step.text[1]);
    default:
      return {};
  }
}

nlohmann::json step_json(const PlannedStep& step, std::size_t number) {
  nlohmann::json out = {{"step", number}, {"op", op_name(step.op)}, {"process", phase_name(step.phase)}, {"doing", step.doing}};
  for (const std::string& text : step.text) out["text"].push_back(text);
  for (const std::int64_t value : step.num) out["num"].push_back(value);
  for (const auto& list : step.list) {
    if (!list.empty()) out["lists"].push_back(list);
  }
  if (step.undoes != 0) out["undoes"] = step.undoes;
  if (step.origin.known()) out["set_by"] = {{"file", step.origin.file}, {"line", step.origin.line}, {"text", step.origin.text}};
  return out;
}

}  // namespace

std::string_view op_name(child::Op op) {
  for (const OpName& row : kOpNames) {
    if (row.op == op) return row.name;
  }
  return "unknown";
}

std::string_view phase_name(child::Phase phase) {
  switch (phase) {
    case child::Phase::kCaller:
    case child::Phase::kBeside:
      return "caller";
    case child::Phase::kPrepare:
      return "monitor";
    case child::Phase::kContainer:
      return "container";
    case child::Phase::kParallel:
      return "monitor";
    case child::Phase::kStop:
      return "stop";
    case child::Phase::kUndo:
      return "undo";
  }
  return "unknown";
}

std::string to_text(const Plan& plan) {
  std::string out;
  std::size_t number = 0;
  for (const PlannedStep& step : plan.steps) {
    out += fmt::format("{:>3}  {:<9}  {}", ++number, phase_name(step.phase), step.doing);
    if (const std::string object = object_text(step); !object.empty() && !step.doing.ends_with(object)) out += ": " + object;
    if (step.undoes != 0) out += fmt::format("  (takes back step {})", step.undoes);
    if (const std::string origin = origin_text(step.origin); !origin.empty()) out += fmt::format("  ({})", origin);
    out += '\n';
  }
  return out;
}

std::string to_json(const Plan& plan) {
  nlohmann::json out = {{"name", plan.settings.name}, {"lxcpath", plan.settings.lxcpath}, {"steps", nlohmann::json::array()}};
  std::size_t number = 0;
  for (const PlannedStep& step : plan.steps) out["steps"].push_back(step_json(step, ++number));
  // Paths are bytes: what is not UTF-8 is shown with replacement characters instead of failing.
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace berth::plan
