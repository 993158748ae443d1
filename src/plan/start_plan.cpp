// Runs in: the starting command.
#include "plan/start_plan.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"
#include "child/mount_flags.hpp"
#include "config/parser.hpp"
#include "os/syslog.hpp"
#include "plan/builder.hpp"

namespace berth::plan {

PlannedStep& Builder::add(child::Phase phase, child::Op op, std::string doing) {
  PlannedStep& step = plan.steps.emplace_back();
  step.phase = phase;
  step.op = op;
  step.doing = std::move(doing);
  return step;
}

PlannedStep& Builder::meanwhile(child::Op op, std::string doing) {
  PlannedStep& step = parallel.emplace_back();
  step.phase = child::Phase::kParallel;
  step.op = op;
  step.doing = std::move(doing);
  return step;
}

PlannedStep& Builder::undo(child::Op op, std::string doing) {
  const auto number = static_cast<std::uint32_t>(plan.steps.size());
  PlannedStep& step = add(child::Phase::kUndo, op, std::move(doing));
  step.undoes = number;
  return step;
}

namespace {

std::uint64_t ring_size(std::uint64_t wanted) {
  if (wanted == 0) return 0;
  std::uint64_t size = 4096;
  while (size < wanted) size *= 2;
  return size;
}

void add_point(Builder& builder, bool inside, child::Op op, child::Point point, std::string doing) {
  PlannedStep& step = inside ? builder.inside(op, std::move(doing)) : builder.meanwhile(op, std::move(doing));
  step.num[0] = static_cast<std::int64_t>(point);
}

// What happens inside, in order. The monitor's part of the same time is collected in `parallel`.
Status plan_container(Builder& builder) {
  plan_entry(builder);
  plan_limits(builder);
  plan_sysctls(builder);
  plan_container_hooks(builder, config::HookType::kPreMount);
  TRY(plan_root(builder));
  plan_dev_directory(builder);
  plan_automatic_mounts(builder);
  TRY(plan_mount_entries(builder));
  plan_cgroup_mounts(builder);
  plan_shared_mounts(builder);
  TRY(plan_name_servers(builder));
  plan_container_hooks(builder, config::HookType::kMount);
  if (builder.has_root && builder.conf().dev.autodev) plan_container_hooks(builder, config::HookType::kAutodev);
  plan_devices(builder);
  plan_terminals(builder);
  if (builder.has_root)
    builder.inside(child::Op::kPivotRoot, "making the root file system the root").text[0] = builder.root_mount;
  plan_restrictions(builder);
  if (has_hooks(builder, config::HookType::kStart)) plan_seccomp(builder);
  plan_container_hooks(builder, config::HookType::kStart);
  return {};
}

void plan_meeting(Builder& builder) {
  if (!builder.needs_go) return;
  add_point(builder, true, child::Op::kRelease, child::Point::kSetUp, "telling the monitor that the root is set up");
  add_point(builder, true, child::Op::kAwait, child::Point::kGo, "waiting for the monitor");
  add_point(builder, false, child::Op::kAwait, child::Point::kSetUp, "waiting for the container's root");
}

void append_parallel(Builder& builder) {
  for (PlannedStep& step : builder.parallel) builder.plan.steps.push_back(std::move(step));
  builder.parallel.clear();
}

// After plan_meeting: what the monitor does between the container's set-up and its exec.
void plan_before_exec(Builder& builder) {
  if (!builder.needs_go) return;
  plan_devices_rules(builder);
  append_parallel(builder);
  plan_host_hooks(builder, config::HookType::kStartHost, child::Phase::kParallel, false);
  add_point(builder, false, child::Op::kRelease, child::Point::kGo, "letting the container go on");
}

void plan_end(Builder& builder) {
  plan_host_hooks(builder, config::HookType::kStop, child::Phase::kStop, true);
  plan_network_scripts_down(builder);
  plan_host_hooks(builder, config::HookType::kPostStop, child::Phase::kStop, true);
}

bool any_device_rule(const Builder& builder) {
  if (builder.cgroups.devices) return true;
  for (const cgroup::Write& write : builder.cgroups.writes) {
    if (write.devices) return true;
  }
  return false;
}

}  // namespace

Status plan_settings(Builder& builder) {
  const StartInputs& inputs = builder.inputs;
  const config::Conf& conf = inputs.conf;
  Settings& settings = builder.plan.settings;
  settings.name = inputs.name;
  settings.lxcpath = inputs.lxcpath;
  for (auto& [key, value] : config::all_items(conf)) {
    settings.config_items.push_back(std::move(key));
    settings.config_items.push_back(std::move(value));
  }
  note_network_names(builder);
  settings.console_path = inputs.console_path.empty() ? conf.console.path : inputs.console_path;
  settings.console_log = inputs.console_log.empty() ? conf.console.logfile : inputs.console_log;
  settings.console_buffer = ring_size(conf.console.buffer_size);
  settings.console_log_size = conf.console.log_size;
  settings.console_rotate = conf.console.rotate;
  settings.pid_file = inputs.pid_file;
  settings.log_file = inputs.log_file.empty() ? conf.log.file : inputs.log_file;
  if (settings.log_file == "none") settings.log_file.clear();
  settings.syslog_facility = static_cast<std::uint32_t>(os::syslog_facility(conf.log.syslog).value_or(0));
  settings.log_prefix = inputs.log_prefix;
  constexpr auto kUsual = static_cast<int>(log::Level::kError);
  settings.log_level = inputs.log_level.value_or(static_cast<std::uint32_t>(conf.log.level.value_or(kUsual)));
  settings.foreground = inputs.foreground;
  settings.ephemeral = conf.ephemeral;
  settings.halt_signal = conf.signals.halt;
  settings.reboot_signal = conf.signals.reboot;
  settings.stop_signal = conf.signals.stop;
  settings.tty_max = builder.has_root ? conf.dev.tty_max : 0;
  return {};
}

Result<Plan> plan_start(const StartInputs& inputs) {
  Builder builder{.inputs = inputs,
                  .plan = {},
                  .root_source = {},
                  .root_mount = {},
                  .root_idmap = {},
                  .cgroups = {},
                  .networks = {},
                  .network_facts = {},
                  .parallel = {}};
  constexpr std::size_t kUsualSteps = 128;  // steps are large: growing would touch twice the memory
  builder.plan.steps.reserve(kUsualSteps);
  TRY(decide_namespaces(builder));
  TRY(decide_root(builder));
  TRY(decide_network(builder));
  TRY(decide_capabilities(builder));
  TRY(check_confinement(builder));
  TRY(decide_cgroups(builder));
  TRY(plan_settings(builder));
  builder.needs_go = any_device_rule(builder) || has_hooks(builder, config::HookType::kStartHost) ||
                     !builder.conf().limits.empty() || !builder.conf().proc.empty();
  plan_root_device(builder);
  TRY(plan_shared_directory(builder));
  plan_caller_cgroups(builder);
  plan_monitor_cgroups(builder);
  plan_host_hooks(builder, config::HookType::kPreStart, child::Phase::kPrepare, false);
  plan_layers(builder);
  plan_host_console(builder);
  TRY(plan_clone(builder));
  append_parallel(builder);
  plan_networks(builder);
  TRY(plan_container(builder));
  plan_monitor_joins(builder);
  plan_pin(builder);
  plan_meeting(builder);
  TRY(plan_program(builder));
  append_parallel(builder);
  plan_before_exec(builder);
  append_parallel(builder);
  builder.add(child::Phase::kParallel, child::Op::kAwaitRunning, "waiting until init runs");
  plan_end(builder);
  return std::move(builder.plan);
}

}  // namespace berth::plan
