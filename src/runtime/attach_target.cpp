// Runs in: the attaching command or library caller.
#include "runtime/attach_target.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "config/parser.hpp"
#include "os/namespaces.hpp"
#include "os/paths.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {
namespace {

std::string proc_of(pid_t pid, std::string_view file) { return strings::cat("/proc/", pid, "/", file); }

Status check_state(const Container& container, const AttachRequest& request) {
  const State state = TRY(container.client().state());
  if (state == State::kStopped) {
    Error error = Error::message("the container is not running", ECONNREFUSED);
    if (!container.defined())
      return fail(std::move(error).because(strings::cat("nothing of that name is defined in ", container.lxcpath())));
    return fail(std::move(error).hint(strings::cat("start it: lxc-start -P ", container.lxcpath(), " -n ", container.name())));
  }
  const bool frozen = state == State::kFrozen || state == State::kFreezing;
  if (frozen && !request.elevated.cgroup) {
    return fail(Error::message("the container is frozen", EAGAIN)
                    .because("a command that joins its control groups would be frozen too")
                    .hint(strings::cat("lxc-unfreeze -P ", container.lxcpath(), " -n ", container.name(),
                                       " first, or attach with -e CGROUP")));
  }
  return {};
}

// The number behind a pidfd, as this process's /proc shows it; valid as long as the process is not reaped.
Result<pid_t> pid_of(const Fd& pidfd) {
  const std::string info = TRY(sys::read_file(strings::cat("/proc/self/fdinfo/", pidfd.get())));
  for (const std::string_view line : strings::split(info, '\n')) {
    if (!line.starts_with("Pid:")) continue;
    const auto pid = strings::parse_number<pid_t>(strings::trim(line.substr(4)));
    if (pid && *pid > 0) return *pid;
  }
  return fail("the container's first process is not visible in this pid namespace", ESRCH);
}

Result<os::PidRef> find_init(const CommandClient& client) {
  if (auto pidfd = client.init_pidfd()) {
    const pid_t pid = TRY(pid_of(*pidfd));
    return os::PidRef(pid, std::move(*pidfd));
  } else if (pidfd.error().code() == ECONNREFUSED || pidfd.error().code() == EPERM) {
    return fail(std::move(pidfd.error()));
  }
  const pid_t pid = TRY(client.init_pid());  // monitors before LXC 4.0.7 hand out the number only
  os::PidRef init = TRY(os::PidRef::open(pid));
  if (TRY(client.init_pid()) != pid) return fail("the container's first process changed meanwhile", EAGAIN);
  return init;
}

Result<int> differing_namespaces(pid_t pid) {
  int flags = 0;
  for (const os::Namespace& row : os::namespaces()) {
    const auto own = sys::stat(strings::cat("/proc/self/ns/", row.proc_name));
    if (!own) continue;  // a kernel without this kind
    const auto its = TRY(sys::stat(strings::cat("/proc/", pid, "/ns/", row.proc_name)));
    if (own->st_ino != its.st_ino || own->st_dev != its.st_dev) flags |= row.flag;
  }
  return flags;
}

// LXC's monitors answer -1 (EPERM) for a key without a value; that the caller is allowed to ask was seen before.
Result<std::string> item(const CommandClient& client, const std::string& key) {
  auto answer = client.config_item(key);
  if (answer) return answer;
  const int code = answer.error().code();
  const bool absent = code == EPERM || code == ENOENT || code == EINVAL || code == ENOSYS || code == ENOMSG;
  return absent ? Result<std::string>(std::string()) : answer;
}

void take_configuration(AttachTarget& target, const config::Conf& conf) {
  for (const auto& limit : conf.limits)
    target.limits.push_back({limit.value.first, limit.value.second.soft, limit.value.second.hard});
  for (const auto* list : {&conf.environment, &conf.environment_runtime}) {
    for (const auto& entry : *list) target.environment.push_back(entry.value);
  }
}

Status ask_configuration(AttachTarget& target, const CommandClient& client) {
  config::Conf conf;
  TRY_CONTEXT(config::load_text(conf, TRY(item(client, "lxc.prlimit")), "the monitor's answer"),
              "reading the container's limits");
  take_configuration(target, conf);
  for (const char* key : {"lxc.environment", "lxc.environment.runtime"}) {
    const std::string answer = TRY(item(client, key));
    for (const std::string_view line : strings::split_words(answer, "\n")) target.environment.emplace_back(line);
  }
  // Init has the bit when it is configured; only then it is worth asking whether it is, or whether init chose it for itself.
  if (target.status.no_new_privileges) target.no_new_privileges = strings::trim(TRY(item(client, "lxc.no_new_privs"))) == "1";
  return {};
}

Status read_configuration(AttachTarget& target, const std::string& rcfile) {
  config::Conf conf;
  TRY(config::load_file(conf, rcfile));
  take_configuration(target, conf);
  target.no_new_privileges = conf.security.no_new_privs;
  return {};
}

bool is_within(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string asked_name(const cgroup::Hierarchy& hierarchy) {
  return hierarchy.controllers.substr(0, hierarchy.controllers.find(','));
}

// The container's groups. Init may have moved itself deeper, so the monitor is asked, once where the names agree. LXC's monitors
// close the connection when asked for a hierarchy that they do not use, and for the unified one of a hybrid host.
Status find_groups(AttachTarget& target, const CommandClient& client) {
  auto hierarchies = cgroup::parse_mounts(TRY(sys::read_file("/proc/self/mountinfo")));
  if (hierarchies.empty()) return {};
  cgroup::assign_own_paths(hierarchies, TRY(sys::read_file(proc_of(target.init.pid(), "cgroup"))));
  std::string payload;
  for (const cgroup::Hierarchy& hierarchy : hierarchies) {  // the unified one is last
    if (payload.empty() || payload == "/" || !is_within(hierarchy.own_path, payload)) {
      const auto answer = client.cgroup(asked_name(hierarchy));
      if (!answer || answer->empty()) continue;  // the container was not put into this hierarchy (lxc.cgroup.use)
      payload = std::string(os::strip_trailing_slashes(*answer));
    }
    const std::string directory = os::join(hierarchy.mount_point, payload);
    if (hierarchy.unified())
      target.unified_group = directory;
    else
      target.v1_tasks.push_back(directory + "/tasks");
  }
  return {};
}

std::uint64_t core_cookie_of(pid_t pid) {
  std::uint64_t cookie = 0;
  constexpr int kThread = 0;  // PIDTYPE_PID
  const long result = sys::raw::call(SYS_prctl, PR_SCHED_CORE, PR_SCHED_CORE_GET, pid, kThread, &cookie);
  return result < 0 ? 0 : cookie;  // refused where the machine has no sibling threads: then there is nothing to share
}

Status read_process(AttachTarget& target) {
  const pid_t pid = target.init.pid();
  target.namespaces = TRY(differing_namespaces(pid));
  target.status = plan::parse_init_status(TRY(sys::read_file(proc_of(pid, "status"))));
  const std::string personality = TRY(sys::read_file(proc_of(pid, "personality")));
  target.personality = strings::parse_number<std::uint64_t>(strings::trim(personality), 16).value_or(0);
  target.core_cookie = core_cookie_of(pid);
  return {};
}

}  // namespace

Result<AttachTarget> learn_target(const Container& container, const AttachRequest& request) {
  TRY(check_state(container, request));
  const CommandClient client = container.client();
  AttachTarget target;
  target.init = TRY(find_init(client));
  TRY_CONTEXT(read_process(target), "looking at the container's first process");
  TRY(request.rcfile.empty() ? ask_configuration(target, client) : read_configuration(target, request.rcfile));
  if (!request.elevated.cgroup) TRY_CONTEXT(find_groups(target, client), "finding the container's control groups");
  // Still there, so that everything read above was read from it and from nobody who got its number later.
  TRY_CONTEXT(target.init.signal(0), "the container stopped meanwhile");
  return target;
}

}  // namespace berth::runtime
