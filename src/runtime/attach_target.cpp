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

Error not_running(const Container& container) {
  Error error = Error::message("the container is not running", ECONNREFUSED);
  if (!container.defined())
    return std::move(error).because(strings::cat("nothing of that name is defined in ", container.lxcpath()));
  return std::move(error).hint(strings::cat("start it: lxc-start -P ", container.lxcpath(), " -n ", container.name()));
}

Error frozen(const Container& container) {
  return Error::message("the container is frozen", EAGAIN)
      .because("a command that joins its control groups would be frozen too")
      .hint(strings::cat("lxc-unfreeze -P ", container.lxcpath(), " -n ", container.name(), " first, or attach with -e CGROUP"));
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

// What the monitor is asked, in one go.
enum Asked : std::size_t { kInit, kEnvironment, kRuntimeEnvironment };
using Answers = std::vector<Result<CommandClient::Answer>>;

Answers ask(const CommandClient& client) {
  const CommandClient::Question questions[] = {{Command::kGetInitPidfd, {}},
                                               {Command::kGetConfigItem, "lxc.environment"},
                                               {Command::kGetConfigItem, "lxc.environment.runtime"}};
  return client.ask_all(questions);
}

Result<os::PidRef> find_init(const CommandClient& client, Result<CommandClient::Answer>& answer) {
  if (answer && answer->descriptor) {
    const pid_t pid = TRY(pid_of(answer->descriptor));
    return os::PidRef(pid, std::move(answer->descriptor));
  }
  const int code = answer ? ENOSYS : answer.error().code();
  if (code == ECONNREFUSED || code == EPERM || code == EACCES) return fail(std::move(answer.error()));
  const pid_t pid = TRY(client.init_pid());  // monitors before LXC 4.0.7 hand out the number only
  os::PidRef init = TRY(os::PidRef::open(pid));
  if (TRY(client.init_pid()) != pid) return fail("the container's first process changed meanwhile", EAGAIN);
  return init;
}

Result<int> differing_namespaces(pid_t pid) {
  int flags = 0;
  for (const os::Namespace& row : os::namespaces()) {
    const auto own = sys::stat(strings::cat("/proc/thread-self/ns/", row.proc_name));
    if (!own) continue;  // a kernel without this kind
    const auto its = TRY(sys::stat(strings::cat("/proc/", pid, "/ns/", row.proc_name)));
    if (own->st_ino != its.st_ino || own->st_dev != its.st_dev) flags |= row.flag;
  }
  return flags;
}

void add_configuration(AttachTarget& target, const config::Conf& conf) {
  for (const auto& limit : conf.limits)
    target.limits.push_back({limit.value.first, limit.value.second.soft, limit.value.second.hard});
  for (const auto* list : {&conf.environment, &conf.environment_runtime}) {
    for (const auto& entry : *list) target.environment.push_back(entry.value);
  }
}

Status read_configuration(AttachTarget& target, const std::string& rcfile) {
  config::Conf conf;
  TRY(config::load_file(conf, rcfile));
  add_configuration(target, conf);
  target.no_new_privileges = conf.security.no_new_privs;
  target.seccomp_profile = conf.security.seccomp_profile;
  return {};
}

// LXC's monitors answer -1 (EPERM) for a key without a value; that the caller is allowed to ask was seen before.
Result<std::string> value_of(Result<std::string> answer) {
  if (answer) return answer;
  const int code = answer.error().code();
  const bool absent = code == EPERM || code == ENOENT || code == EINVAL || code == ENOSYS || code == ENOMSG;
  return absent ? Result<std::string>(std::string()) : answer;
}
Result<std::string> value_of(Result<CommandClient::Answer>& answer) {
  return value_of(answer ? Result<std::string>(std::move(answer->text)) : fail(std::move(answer.error())));
}

// Init runs under limits of its own; whether they are configured or its own choice only the monitor knows.
Result<bool> limits_differ(pid_t pid) {
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit64 own{}, its{};
    const long result = sys::raw::call(SYS_prlimit64, pid, resource, nullptr, &its);
    if (result == -EPERM) return true;  // to be asked
    if (result < 0) return fail(Error::from_errno(static_cast<int>(-result), "prlimit", strings::cat("process ", pid)));
    (void)sys::raw::call(SYS_prlimit64, 0, resource, nullptr, &own);
    if (own.rlim_cur != its.rlim_cur || own.rlim_max != its.rlim_max) return true;
  }
  return false;
}

Status take_configuration(AttachTarget& target, const CommandClient& client, Answers& answers) {
  if (TRY(limits_differ(target.init.pid()))) {
    config::Conf conf;
    const std::string limits = TRY(value_of(client.config_item("lxc.prlimit")));
    TRY_CONTEXT(config::load_text(conf, limits, "the monitor's answer"), "reading the container's limits");
    add_configuration(target, conf);
  }
  for (const Asked key : {kEnvironment, kRuntimeEnvironment}) {
    const std::string lines = TRY(value_of(answers[key]));
    for (const std::string_view line : strings::split_words(lines, "\n")) target.environment.emplace_back(line);
  }
  if (target.filtered) target.seccomp_profile = strings::trim(TRY(value_of(client.config_item("lxc.seccomp.profile"))));
  // Init has the bit when it is configured; only then it is worth asking whether it is, or whether init chose it for itself.
  if (target.status.no_new_privileges) {
    target.no_new_privileges = strings::trim(TRY(value_of(client.config_item("lxc.no_new_privs")))) == "1";
  }
  return {};
}

bool is_within(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

// A v1 hierarchy is asked for by one of its controllers; no name = the unified one.
std::string asked_name(const cgroup::Hierarchy& hierarchy) {
  return hierarchy.controllers.substr(0, hierarchy.controllers.find(','));
}

// Init may have moved itself deeper. LXC's name for the payload tells where the container's part begins; nothing where it does
// not occur exactly once (another name was configured, or containers lie in each other).
std::string payload_in(const std::string& path, const std::string& name) {
  const std::string wanted = "/lxc.payload." + name;
  const std::size_t at = path.find(wanted);
  if (at == path.npos || path.find("/lxc.payload.", at + 1) != path.npos || path.rfind("/lxc.payload.", at) != at) return {};
  const std::size_t end = path.find('/', at + 1);
  const std::string_view last =
      std::string_view(path).substr(at + wanted.size(), end == path.npos ? end : end - at - wanted.size());
  const bool numbered = last.size() > 1 && last.front() == '-' && last.find_first_not_of("0123456789", 1) == last.npos;
  return last.empty() || numbered ? path.substr(0, end) : std::string();
}

// LXC's monitors close the connection when asked for a hierarchy that they do not use, and for the unified one of a hybrid host.
Result<std::string> payload_of(const cgroup::Hierarchy& hierarchy, const CommandClient& client, const std::string& name,
                               const std::string& previous) {
  if (!previous.empty() && previous != "/" && is_within(hierarchy.own_path, previous)) return previous;
  if (std::string found = payload_in(hierarchy.own_path, name); !found.empty()) return found;
  const auto answer = client.cgroup(asked_name(hierarchy));
  if (!answer) return std::string();  // the container was not put into this hierarchy (lxc.cgroup.use)
  return std::string(os::strip_trailing_slashes(*answer));
}

Status take_groups(AttachTarget& target, const CommandClient& client, const std::string& name) {
  auto hierarchies = cgroup::parse_mounts(TRY(sys::read_file("/proc/self/mountinfo")));
  if (hierarchies.empty()) return {};
  cgroup::assign_own_paths(hierarchies, TRY(sys::read_file(proc_of(target.init.pid(), "cgroup"))));
  std::string payload;
  for (const cgroup::Hierarchy& hierarchy : hierarchies) {
    std::string found = TRY(payload_of(hierarchy, client, name, payload));
    if (found.empty()) continue;
    payload = std::move(found);
    const std::string directory = os::join(hierarchy.mount_point, payload);
    if (hierarchy.controllers == "freezer") target.freezer = directory + "/freezer.state";
    if (hierarchy.unified())
      target.unified_group = directory;
    else
      target.v1_tasks.push_back(directory + "/tasks");
  }
  if (target.freezer.empty() && !target.unified_group.empty()) target.freezer = target.unified_group + "/cgroup.freeze";
  return {};
}

// A group that can't be read is not known to be frozen; joining it will tell.
bool is_frozen(const AttachTarget& target) {
  if (target.freezer.empty()) return false;
  const auto state = sys::read_file(target.freezer);
  return state && (state->starts_with("FR") || state->starts_with("1"));
}

std::uint64_t core_cookie_of(pid_t pid) {
  std::uint64_t cookie = 0;
  constexpr int kThread = 0;  // PIDTYPE_PID
  const long result = sys::raw::call(SYS_prctl, PR_SCHED_CORE, PR_SCHED_CORE_GET, pid, kThread, &cookie);
  return result < 0 ? 0 : cookie;  // refused where the machine has no sibling threads: then there is nothing to share
}

std::uint64_t number_in(std::string_view status, std::string_view field) {
  for (const std::string_view line : strings::split(status, '\n')) {
    if (line.starts_with(field))
      return strings::parse_number<std::uint64_t>(strings::trim(line.substr(field.size()))).value_or(0);
  }
  return 0;
}

// A host that is filtered itself hands its filters on: only more of them than the caller has are the container's.
bool has_more_filters(std::string_view its, std::string_view own) {
  constexpr std::uint64_t kFilter = 2;  // SECCOMP_MODE_FILTER
  if (number_in(its, "Seccomp:") != kFilter) return false;
  if (number_in(own, "Seccomp:") != kFilter) return true;
  return number_in(its, "Seccomp_filters:") > number_in(own, "Seccomp_filters:");
}

// Nothing where no module of the kernel has labels.
std::string label_of(const std::string& file) {
  const auto text = sys::read_file(file);
  if (!text) return {};
  return std::string(strings::trim(std::string_view(*text).substr(0, text->find('\0'))));
}

std::string confining_label(pid_t pid) {
  std::string label = label_of(proc_of(pid, "attr/current"));
  if (label == "unconfined" || label == label_of("/proc/thread-self/attr/current")) label.clear();
  return label;
}

Status read_process(AttachTarget& target) {
  const pid_t pid = target.init.pid();
  target.namespaces = TRY(differing_namespaces(pid));
  const std::string status = TRY(sys::read_file(proc_of(pid, "status")));
  target.status = plan::parse_init_status(status);
  target.filtered = has_more_filters(status, TRY(sys::read_file("/proc/thread-self/status")));
  target.label = confining_label(pid);
  const std::string personality = TRY(sys::read_file(proc_of(pid, "personality")));
  target.personality = strings::parse_number<std::uint64_t>(strings::trim(personality), 16).value_or(0);
  target.core_cookie = core_cookie_of(pid);
  return {};
}

}  // namespace

Result<RunningInit> find_running(const Container& container) {
  const CommandClient client = container.client();
  const CommandClient::Question question[] = {{Command::kGetInitPidfd, {}}};
  Answers answers = client.ask_all(question);
  auto init = find_init(client, answers.front());
  if (!init) return fail(init.error().code() == ECONNREFUSED ? not_running(container) : std::move(init.error()));
  RunningInit found{std::move(*init), 0};
  found.namespaces = TRY_CONTEXT(differing_namespaces(found.process.pid()), "looking at the container's first process");
  TRY_CONTEXT(found.process.signal(0), "the container stopped meanwhile");
  return found;
}

Result<AttachTarget> learn_target(const Container& container, const AttachRequest& request) {
  const CommandClient client = container.client();
  Answers answers = ask(client);
  AttachTarget target;
  auto init = find_init(client, answers[kInit]);
  if (!init) return fail(init.error().code() == ECONNREFUSED ? not_running(container) : std::move(init.error()));
  target.init = std::move(*init);
  TRY_CONTEXT(read_process(target), "looking at the container's first process");
  TRY(request.rcfile.empty() ? take_configuration(target, client, answers) : read_configuration(target, request.rcfile));
  if (!request.elevated.cgroup) {
    TRY_CONTEXT(take_groups(target, client, container.name()), "finding the container's control groups");
    if (is_frozen(target)) return fail(frozen(container));
  }
  // Still there, so that everything read above was read from it and from nobody who got its number later.
  TRY_CONTEXT(target.init.signal(0), "the container stopped meanwhile");
  return target;
}

}  // namespace berth::runtime
