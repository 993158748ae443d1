// Runs in: the attaching command or library caller.
#include "plan/attach_plan.hpp"

#include <sched.h>

#include <algorithm>

#include "base/strings.hpp"
#include "child/attach_steps.hpp"
#include "os/namespaces.hpp"

namespace berth::plan {
namespace {

using child::Op;
using child::Phase;

constexpr std::string_view kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::int64_t kPidfdSlot = 0;

class Steps {
 public:
  PlannedStep& outside(Op op, std::string doing) { return add(Phase::kPrepare, op, std::move(doing)); }
  PlannedStep& inside(Op op, std::string doing) { return add(Phase::kContainer, op, std::move(doing)); }
  Plan take() { return std::move(plan_); }

 private:
  PlannedStep& add(Phase phase, Op op, std::string doing) {
    PlannedStep& step = plan_.steps.emplace_back();
    step.phase = phase;
    step.op = op;
    step.doing = std::move(doing);
    return step;
  }
  Plan plan_;
};

void add_namespaces(Steps& steps, const AttachSpec& spec) {
  if (spec.namespaces == 0) return;
  if (spec.by_pidfd) {
    PlannedStep& step = steps.outside(Op::kEnterNamespaces, "entering the container's namespaces");
    step.num[0] = kPidfdSlot;
    step.num[1] = spec.namespaces;
    return;
  }
  std::int64_t slot = kPidfdSlot;
  for (const os::Namespace& row : os::namespaces()) {
    if ((spec.namespaces & row.flag) == 0) continue;
    PlannedStep& step =
        steps.outside(Op::kEnterNamespace, strings::cat("entering the container's ", row.config_name, " namespace"));
    step.text[0] = row.config_name;
    step.num[0] = ++slot;
    step.num[1] = row.flag;
  }
}

// What the helper does to itself; the command's process inherits it.
void add_outside(Steps& steps, const AttachSpec& spec) {
  if (spec.terminal == AttachTerminal::kHost) {
    steps.outside(Op::kHostPty, "making a terminal on the host").num[0] = child::kAttachPtmxSlot;
  }
  for (const std::string& tasks : spec.tasks) {
    steps.outside(Op::kJoinCgroup, "joining the container's control group").text[0] = tasks;
  }
  for (const AttachLimit& limit : spec.limits) {
    PlannedStep& step = steps.outside(Op::kProcessLimit, "setting the container's resource limits");
    step.num[0] = limit.resource;
    step.num[1] = static_cast<std::int64_t>(limit.soft);
    step.num[2] = static_cast<std::int64_t>(limit.hard);
  }
  if (spec.core_cookie_of >= 0) {
    steps.outside(Op::kShareCoreCookie, "joining the container's core-scheduling group").num[0] = spec.core_cookie_of;
  }
  add_namespaces(steps, spec);
}

void add_terminal(Steps& steps, const AttachSpec& spec) {
  if (spec.terminal != AttachTerminal::kNone) {
    PlannedStep& pty = steps.inside(Op::kAttachPty, "making a terminal in the container");
    pty.num[0] = child::kAttachPeerSlot;
    pty.num[1] = spec.uid ? std::int64_t{*spec.uid} : -1;
    pty.num[2] = spec.terminal == AttachTerminal::kHost ? child::kAttachPtmxSlot : child::kNoSlot;
  }
  // A session of its own in any case: /dev/tty inside must never be the caller's terminal (CVE-2016-10124).
  PlannedStep& session = steps.inside(Op::kSession, "starting a session");
  session.num[0] = 1;
  session.num[1] = spec.terminal == AttachTerminal::kNone ? child::kNoSlot : child::kAttachPeerSlot;
  session.num[2] = 1;
  session.num[3] = 1;
}

// setresuid and the like drop what the steps before them need, so they come late.
void add_restrictions(Steps& steps, const AttachSpec& spec) {
  if (spec.personality) {
    steps.inside(Op::kPersonality, "setting the personality").num[0] = static_cast<std::int64_t>(*spec.personality);
  }
  if (spec.capabilities) {
    steps.inside(Op::kCapabilities, "dropping capabilities").num[0] = static_cast<std::int64_t>(*spec.capabilities);
  }
  // Later: the label of the security module is set here, through a descriptor that the helper opened before it went in.
  if (spec.no_new_privileges) steps.inside(Op::kNoNewPrivileges, "forbidding new privileges");
  if (spec.seccomp) describe_seccomp(steps.inside(Op::kSeccompFilter, {}), *spec.seccomp);
  if (spec.uid || spec.gid || spec.groups) {
    PlannedStep& ids = steps.inside(Op::kSetIds, "setting user and group");
    ids.num[0] = spec.uid ? std::int64_t{*spec.uid} : -1;  // -1: setresuid leaves it
    ids.num[1] = spec.gid ? std::int64_t{*spec.gid} : -1;
    // In a user namespace kBecomeRoot has dropped them already, where that is allowed at all.
    ids.num[2] = spec.groups || (spec.namespaces & CLONE_NEWUSER) == 0 ? 1 : 0;
    for (const gid_t group : spec.groups.value_or(std::vector<gid_t>{})) ids.list[0].push_back(strings::cat(group));
  }
}

void add_inside(Steps& steps, const AttachSpec& spec) {
  if ((spec.namespaces & CLONE_NEWUSER) != 0) steps.inside(Op::kBecomeRoot, "becoming root of the container");
  const bool entered_mounts = (spec.namespaces & CLONE_NEWNS) != 0;
  if (spec.remount_sys_proc && !entered_mounts) steps.inside(Op::kFreshProcSys, "mounting /proc and /sys afresh");
  add_terminal(steps, spec);
  if (entered_mounts || !spec.cwd.empty()) {
    steps.inside(Op::kEnterDirectory, "changing the working directory").text[0] = spec.cwd;
  }
  add_restrictions(steps, spec);
  if (!spec.executes) return;
  PlannedStep& exec = steps.inside(Op::kExecCommand, "executing the command");
  exec.text[0] = spec.program;
  exec.num[0] = child::kNoSlot;
  exec.num[1] = spec.uid ? std::int64_t{*spec.uid} : 0;
  exec.list[0] = spec.command;
  exec.list[1] = spec.environment;
}

std::string_view name_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

// Replaces the variable of the same name, or adds it.
void put(std::vector<std::string>& environment, std::string entry) {
  const auto same = [&](const std::string& one) { return name_of(one) == name_of(entry); };
  const auto found = std::find_if(environment.begin(), environment.end(), same);
  if (found != environment.end())
    *found = std::move(entry);
  else
    environment.push_back(std::move(entry));
}

bool has(const std::vector<std::string>& environment, std::string_view name) {
  return std::any_of(environment.begin(), environment.end(), [&](const std::string& one) { return name_of(one) == name; });
}

// The rest of the line that starts with `key`.
std::string_view field(std::string_view text, std::string_view key) {
  for (const std::string_view line : strings::split(text, '\n')) {
    if (line.starts_with(key)) return strings::trim(line.substr(key.size()));
  }
  return {};
}

}  // namespace

Plan plan_attach(const AttachSpec& spec) {
  Steps steps;
  add_outside(steps, spec);
  add_inside(steps, spec);
  return steps.take();
}

std::vector<std::string> attach_environment(const std::vector<std::string>& own, const AttachEnvironmentRules& rules) {
  std::vector<std::string> result;
  for (const std::string& entry : own) {
    const bool kept = std::find(rules.keep.begin(), rules.keep.end(), name_of(entry)) != rules.keep.end();
    if (!rules.clear || kept) result.push_back(entry);
  }
  if (!has(result, "PATH")) result.emplace_back(kDefaultPath);
  put(result, "container=lxc");
  for (const std::string& entry : rules.configured) put(result, entry);
  for (const std::string& entry : rules.set) put(result, entry);
  return result;
}

InitStatus parse_init_status(std::string_view status) {
  InitStatus result;
  if (const auto mask = strings::parse_number<std::uint64_t>(field(status, "CapBnd:"), 16)) result.bounding = *mask;
  result.no_new_privileges = field(status, "NoNewPrivs:") == "1";
  return result;
}

}  // namespace berth::plan
