// Runs in: the starting command.
// From a request to a running monitor: resolve what names other containers, plan, carry out the caller's steps, start the
// monitor program with the plan on a sealed memfd, and wait for what it says.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/defer.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "child/blob.hpp"
#include "config/conflicts.hpp"
#include "config/global.hpp"
#include "config/parser.hpp"
#include "network/address_book.hpp"
#include "os/lock.hpp"
#include "os/namespaces.hpp"
#include "os/syslog.hpp"
#include "plan/start_plan.hpp"
#include "runtime/attach_root.hpp"
#include "runtime/container.hpp"
#include "runtime/hold.hpp"
#include "runtime/host_program.hpp"
#include "runtime/host_steps.hpp"
#include "runtime/monitor_link.hpp"
#include "runtime/monitord_protocol.hpp"
#include "runtime/programs.hpp"
#include "runtime/rename.hpp"
#include "runtime/seccomp.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kHeadline = "cannot start";

// --- from names to facts ---------------------------------------------------------------------------------------------------

Result<pid_t> pid_of(const Container& container, const std::string& who) {
  if (const auto number = strings::parse_number<pid_t>(who)) return *number;
  const CommandClient other(container.lxcpath(), who);
  if (!TRY(other.reachable())) {
    return fail(Error::message(strings::cat("can't share a namespace of ", who, ": it is not running"), ESRCH)
                    .hint(strings::cat("start ", who, " first")));
  }
  return other.init_pid();
}

// lxc.namespace.share.NS and --share-NS take a pid, a container's name, or the path of a namespace file.
Result<std::string> namespace_path(const Container& container, int flag, const std::string& who) {
  if (who.starts_with('/')) return who;
  const pid_t pid = TRY(pid_of(container, who));
  const os::Namespace* row = os::find_namespace(flag);
  std::string path = strings::cat("/proc/", pid, "/ns/", row->proc_name);
  if (!sys::exists(path))
    return fail(Error::message(strings::cat("can't share a namespace of process ", pid, ": there is no such process"), ESRCH));
  return path;
}

Status resolve_shares(const Container& container, const StartRequest& request, plan::StartInputs& inputs) {
  for (const auto& [flag, who] : inputs.conf.namespaces.share) {
    auto path = namespace_path(container, flag, who.value);
    if (!path) return fail(std::move(path.error()).set_by(who.origin));
    inputs.shared_namespaces[flag] = std::move(*path);
  }
  for (const auto& [flag, who] : request.shared_namespaces)
    inputs.shared_namespaces[flag] = TRY(namespace_path(container, flag, who));
  return {};
}

std::string global_or_empty(std::string_view key) {
  auto value = config::global_item(key);
  return value ? std::move(*value) : std::string{};
}

std::vector<std::string> used_controllers() {
  std::vector<std::string> names;
  const std::string text = global_or_empty("lxc.cgroup.use");
  for (const std::string_view name : strings::split_words(text, ", ")) names.emplace_back(name);
  return names;
}

// Before anything is touched for it, locks included.
Status check_exists(const Container& container, const StartRequest& request) {
  const bool volatile_one =
      request.configuration != nullptr || !request.rcfile.empty() || !request.command.empty() || !request.defines.empty();
  if (volatile_one || container.defined()) return {};
  return fail(Error::message("no such container", ENOENT)
                  .because(strings::cat("there is no ", container.config_file()))
                  .hint(strings::cat("lxc-ls -P ", container.lxcpath(), " lists the containers; lxc-create makes one")));
}

// A command with nothing but a name runs on the host's files, as with LXC. Often the name was mistyped: the user is told.
std::string warn_of_the_host(const Container& container, const StartRequest& request, plan::Plan& plan) {
  const bool configured = request.configuration != nullptr || !request.rcfile.empty() || !request.defines.empty();
  if (configured || request.with_init || container.defined()) return std::string(kHeadline);
  const std::string absent = strings::cat("there is no container ", container.name(), " in ", container.lxcpath());
  plan.settings.warnings.push_back(strings::cat(absent, ": the command runs on the host's own files"));
  return strings::cat(kHeadline, ": ", absent, ", so the command was to run on the host's files");
}

// Whose roots are overlays over this one, as lxc_snapshots says. Others than directories are not shared so that a start could
// harm.
std::string overlays_of(const Container& container, const config::Conf& conf) {
  if (conf.rootfs.path.empty() || !is_plain_root(conf.rootfs)) return {};
  const auto list = sys::read_file(container.directory() + "/lxc_snapshots");
  if (!list) return {};
  const auto lines = strings::split_words(*list, "\n");
  std::string clones;
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
    if (lines[i] == container.directory() + "/snaps") continue;
    clones += strings::cat(clones.empty() ? "" : ", ", lines[i], "/", lines[i + 1]);
  }
  return clones;
}

Result<config::Conf> load_for_start(const Container& container, const StartRequest& request) {
  TRY(check_exists(container, request));
  config::Conf conf;
  if (request.configuration != nullptr) {
    conf = *request.configuration;
  } else if (!request.rcfile.empty()) {
    TRY(config::load_file(conf, request.rcfile));
  } else if (container.defined()) {
    conf = TRY(container.load());
  }
  for (const auto& [key, value] : request.defines) {
    TRY(config::set_item(conf, key, value, Origin{"--define", 0, strings::cat(key, '=', value)}));
  }
  if (auto conflicts = config::find_conflicts(conf); !conflicts.empty()) return fail(std::move(conflicts.front()));
  return conf;
}

bool has_interfaces(const config::Conf& conf) {
  return std::ranges::any_of(
      conf.networks, [](const config::NetworkConf& network) { return network.type != "empty" && network.type != "none"; });
}

// `remember`: automatic addresses that are picked now are the container's from now on.
Result<plan::Plan> plan_for(const Container& container, const StartRequest& request, const config::Conf& conf,
                            const AttachedRoot& root, bool remember) {
  SeccompChoice seccomp = TRY(choose_filter(conf));
  plan::StartInputs inputs{.conf = conf,
                           .name = container.name(),
                           .lxcpath = container.lxcpath(),
                           .config_file = request.rcfile.empty() ? container.config_file() : request.rcfile,
                           .cgroups = TRY(cgroup::detect_host("/proc", used_controllers())),
                           .cgroup_pattern = global_or_empty("lxc.cgroup.pattern"),
                           .privileged = ::geteuid() == 0,
                           .foreground = request.foreground,
                           .with_init = request.with_init,
                           .command = request.command,
                           .shared_namespaces = {},
                           .caller_environment = own_environment(),
                           .console_path = request.console_path,
                           .console_log = request.console_log,
                           .pid_file = request.pid_file,
                           .log_prefix = request.program,
                           .log_file = request.log_file,
                           .log_level = request.log_level,
                           .seccomp = std::move(seccomp.filter),
                           .terminal = request.foreground && ::isatty(STDIN_FILENO) != 0,
                           .root = root.mount,
                           .remember_addresses = remember};
  TRY(resolve_shares(container, request, inputs));
  if (has_interfaces(conf)) {
    inputs.network_helper = find_helper("berth-network").value_or("");
    inputs.address_books = network::address_book_directory().value_or("");
  }
  plan::Plan plan = TRY(plan::plan_start(inputs));
  for (std::string& warning : seccomp.warnings) plan.settings.warnings.push_back(std::move(warning));
  // Without a run directory there is no lxc-monitord that could be told.
  if (auto fifo = monitor_fifo(container.lxcpath())) plan.settings.monitor_fifo = std::move(*fifo);
  plan.settings.socket_name = command_socket_name(container.lxcpath(), container.name());
  if (conf.ephemeral) {
    plan.settings.destroy_program = {
        TRY_CONTEXT(find_command("berth"), "planning what destroys the ephemeral container after its halt"),
        "destroy",
        "-P",
        container.lxcpath(),
        "-n",
        container.name()};
  }
  return plan;
}

// --- the start itself ------------------------------------------------------------------------------------------------------

// Two locks: the container's own, which LXC's tools know too, and one of its name, because containers of the same name in
// different places choose among the same cgroup names, and the last of a monitor goes after its container has stopped.
struct StartLocks {
  os::FileLock container, name;
};

// Of a run whose monitor was killed: what it takes back is not to be what this start makes.
Status await_guardian(const std::string& path) {
  auto file = sys::open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (!file && file.error().code() == ENOENT) return {};
  if (!file) return fail(std::move(file.error()));
  constexpr int kAttempts = 600;
  constexpr timespec kPause = {0, 25'000'000};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (TRY(os::FileLock::try_acquire_fd(TRY(sys::duplicate(file->get())), path))) return {};
    ::nanosleep(&kPause, nullptr);
  }
  return fail(
      Error::message("the network of the container's last run is still being taken back", EBUSY)
          .hint("its guardian (berth-guardian, see ps) waits for a program, such as nft or ovs-vsctl: look at what it runs"));
}

Result<StartLocks> lock_for_start(const Container& container) {
  auto own = TRY(os::FileLock::acquire(TRY(os::ensure_container_lock_file(container.lxcpath(), container.name()))));
  auto name = TRY(os::FileLock::acquire(TRY(os::ensure_name_lock_file(container.name()))));
  TRY(await_guardian(os::guardian_lock_file(name.path())));
  return StartLocks{std::move(own), std::move(name)};
}

struct Launched {
  StartOutcome outcome;
  MonitorLink link;
};

// What the monitor says first: it runs, it failed, or another one was there before.
struct FirstWord {
  Result<StartOutcome> outcome;
  bool groups_undone = false;  // the kBeside steps are the monitor's since it was told, also their undoing
};

FirstWord first_word(const plan::Plan& plan, MonitorLink& link) {
  const auto message = link.receive();
  if (!message) return {fail(message.error())};
  const bool undone = message->value == 1;
  if (message->kind == StatusKind::kFailed) return {fail(plan::explain(plan, message->failure)), undone};
  StartOutcome outcome;
  outcome.warnings = plan.settings.warnings;
  outcome.already_running = message->kind == StatusKind::kAlreadyRunning;
  outcome.init_pid = message->kind == StatusKind::kRunning ? message->value : -1;
  return {std::move(outcome)};
}

bool has_steps_beside(const plan::Plan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [](const plan::PlannedStep& step) { return step.phase == child::Phase::kBeside; });
}

// The kBeside steps, while the monitor starts. False: `failure` tells why, and nothing of them is left.
Result<bool> work_beside(const child::BlobView& blob, HostContext& host, MonitorLink& link, child::Failure& failure) {
  const bool made = run_caller_steps(blob, child::Phase::kBeside, host, failure);
  Status confirmed = link.confirm();
  if (!confirmed) {
    if (made) undo_caller_steps(blob, child::Phase::kBeside, host);
    return fail(std::move(confirmed.error()));
  }
  return made;
}

// All that happens to a plan: the caller's own steps, the monitor, its first word. On failure nothing is left.
Result<Launched> launch(const plan::Plan& plan, const std::string& encoded, const StartRequest& request, AttachedRoot& root) {
  const child::BlobView blob(encoded.data(), encoded.size());
  HostContext host;
  child::Failure failure;
  root.hand_over();
  if (!run_caller_steps(blob, child::Phase::kCaller, host, failure)) return fail(plan::explain(plan, failure));
  Defer undo([&] { undo_caller_steps(blob, child::Phase::kCaller, host); });
  MonitorLink link = TRY(MonitorLink::launch(plan, encoded, request));
  const bool beside = has_steps_beside(plan);
  const bool made = TRY(work_beside(blob, host, link, failure));
  if (!made) link.give_up();
  if (made && beside) link.tell_groups_made();
  FirstWord word = first_word(plan, link);
  // Once the monitor has spoken, it owns what was made before it, and has undone it when the start failed.
  if (link.spoke()) undo.dismiss();
  const bool runs = word.outcome && !word.outcome->already_running;
  // The caller's locks are held until nothing is left of it: the next start must not meet its end.
  if (!runs) link.await_end();
  if (!runs && made && !word.groups_undone) undo_caller_steps(blob, child::Phase::kBeside, host);
  if (!made) return fail(plan::explain(plan, failure));
  return Launched{TRY(std::move(word.outcome)), std::move(link)};
}

// lxc.log.file, unless the command line names a log.
Result<Fd> open_log(const config::Conf& conf, const StartRequest& request) {
  if (!request.log_file.empty() || conf.log.file.empty() || conf.log.file == "none") return Fd();
  constexpr mode_t kMode = 0640;
  auto file = sys::open(conf.log.file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, kMode);
  if (file) return file;
  return fail(std::move(file.error()).context("opening the log file").set_by(conf.origin("lxc.log.file")));
}

// What the person at the terminal reads is told to the log of the configuration too. A log of the command line has it already.
Error logged(const config::Conf& conf, const StartRequest& request, const std::string& name, const Fd& file, Error error) {
  constexpr auto kUsual = static_cast<int>(log::Level::kError);
  const auto level = static_cast<log::Level>(request.log_level.value_or(static_cast<unsigned>(conf.log.level.value_or(kUsual))));
  log::Sink sink{.fd = -1, .threshold = level, .prefix = request.program, .name = name};
  sink.fd = file.get();
  if (const auto facility = os::syslog_facility(conf.log.syslog)) {
    sink.forward = os::send_to_syslog;
    sink.facility = *facility;
  }
  log::write_to(sink, log::Level::kError, "start", error.line());
  return error;
}

}  // namespace

Result<plan::Plan> Container::plan(const StartRequest& request) const {
  const config::Conf conf = TRY_CONTEXT(load_for_start(*this, request), kHeadline);
  const AttachedRoot root = TRY_CONTEXT(describe_root(conf), kHeadline);
  return with_context(plan_for(*this, request, conf, root, false), kHeadline);
}

Result<StartOutcome> Container::start(const StartRequest& request) const {
  TRY_CONTEXT(check_exists(*this, request), kHeadline);
  std::optional<StartLocks> locks = TRY_CONTEXT(lock_for_start(*this), kHeadline);
  if (TRY_CONTEXT(client().reachable(), kHeadline)) return StartOutcome{.already_running = true, .warnings = {}};
  TRY_CONTEXT(check_complete(*this), kHeadline);
  TRY_CONTEXT(complete_rename(*this), kHeadline);
  const config::Conf conf = TRY_CONTEXT(load_for_start(*this, request), kHeadline);
  const Fd log = TRY_CONTEXT(open_log(conf, request), kHeadline);
  auto root = with_context(attach_root(*this, conf), kHeadline);
  if (!root) return fail(logged(conf, request, name_, log, std::move(root.error())));
  auto plan = with_context(plan_for(*this, request, conf, *root, true), kHeadline);
  if (!plan) return fail(logged(conf, request, name_, log, std::move(plan.error())));
  plan->settings.name_lock = locks->name.path();
  if (const std::string clones = overlays_of(*this, conf); !clones.empty())
    plan->settings.warnings.push_back(
        strings::cat("what this container changes in its files may be seen, or half seen, by the overlays over them: ", clones));
  const std::string headline = warn_of_the_host(*this, request, *plan);
  const std::string encoded = plan::encode(*plan);
  auto launched = with_context(launch(*plan, encoded, request, *root), headline);
  if (!launched) return fail(logged(conf, request, name_, log, std::move(launched.error())));
  auto& [outcome, link] = *launched;
  locks.reset();
  if (request.foreground && !outcome.already_running) outcome.exit_status = TRY(link.wait_until_stopped());
  return outcome;
}

}  // namespace berth::runtime
