// Runs in: the starting command.
#include <sched.h>
#include <sys/resource.h>

#include <array>

#include "base/strings.hpp"
#include "config/capability_names.hpp"
#include "config/command_line.hpp"
#include "plan/builder.hpp"

namespace berth::plan {
namespace {

std::uint64_t mask_of(const std::vector<config::SourcedText>& names) {
  std::uint64_t mask = 0;
  for (const auto& [text, origin] : names) {
    for (const std::string_view name : strings::split_words(text)) {
      if (const auto number = config::capability_number(name)) mask |= std::uint64_t{1} << *number;
    }
  }
  return mask;
}

Origin capability_origin(const config::CapabilityConf& conf) {
  if (!conf.drop.empty()) return conf.drop.back().origin;
  return conf.keep.empty() ? Origin{} : conf.keep.back().origin;
}

Result<std::vector<std::string>> configured_command(const Builder& builder, const std::string& text, std::string_view key) {
  auto words = config::split_command_line(text);
  if (!words) return fail(std::move(words.error()).set_by(builder.origin(key)));
  return words;
}

// On the host's files /sbin/init would be the host's init, which takes the cgroups and devices that it sees there for its own.
Result<std::vector<std::string>> configured_init(const Builder& builder) {
  const std::string& command = builder.conf().init.command;
  if (!command.empty()) return configured_command(builder, command, "lxc.init.cmd");
  if (builder.has_root) return std::vector<std::string>{"/sbin/init"};
  return fail(
      Error::message("the container has no root file system")
          .because("without one it sees the host's files, and the host's own /sbin/init would run in it")
          .hint(
              "set lxc.rootfs.path; to run a program on the host's files name it: lxc-execute NAME -- COMMAND, or lxc.init.cmd"));
}

Result<std::vector<std::string>> command_of(const Builder& builder) {
  const StartInputs& inputs = builder.inputs;
  std::vector<std::string> command = inputs.command;
  if (command.empty() && inputs.with_init)
    command = TRY(configured_command(builder, builder.conf().init.execute_command, "lxc.execute.cmd"));
  if (command.empty() && inputs.with_init)
    return fail(Error::message("no command to execute").hint("give one after --, or set lxc.execute.cmd"));
  if (command.empty()) command = TRY(configured_init(builder));
  if (!inputs.with_init) return command;
  command.insert(command.begin(), {"berth-init", "--"});
  return command;
}

// The names below /dev of the terminals that a getty may take.
std::string tty_names(const Builder& builder) {
  const config::DevConf& dev = builder.conf().dev;
  const std::string prefix = dev.tty_dir.empty() ? "tty" : dev.tty_dir + "/tty";
  std::vector<std::string> names;
  for (std::uint32_t number = 1; number <= dev.tty_max; ++number) names.push_back(strings::cat(prefix, number));
  return strings::join(names, " ");
}

std::vector<std::string> init_environment(const Builder& builder) {
  std::vector<std::string> environment{"container=lxc"};
  if (builder.plan.settings.tty_max > 0) environment.push_back("container_ttys=" + tty_names(builder));
  if (builder.inputs.terminal) {
    for (const std::string& entry : builder.inputs.caller_environment) {
      if (entry.starts_with("TERM=")) environment.push_back(entry);
    }
  }
  for (const auto* list : {&builder.conf().environment, &builder.conf().environment_runtime}) {
    for (const auto& [entry, origin] : *list) {
      const std::string name = entry.substr(0, entry.find('=') + 1);
      std::erase_if(environment, [&name](const std::string& old) { return old.starts_with(name); });
      environment.push_back(entry);
    }
  }
  return environment;
}

void plan_ids(Builder& builder) {
  const config::InitConf& init = builder.conf().init;
  PlannedStep& ids = builder.inside(child::Op::kSetIds, "taking the ids of init");
  ids.num[0] = init.uid;
  ids.num[1] = init.gid;
  // In a user namespace made without privilege setgroups is denied, and there are no groups to drop.
  ids.num[2] = builder.user_namespace && !builder.inputs.privileged ? 0 : 1;
  for (const gid_t group : init.groups) ids.list[0].push_back(std::to_string(group));
  ids.origin = builder.origin(init.uid != 0 ? "lxc.init.uid" : init.groups.empty() ? "lxc.init.gid" : "lxc.init.groups");
  // The kernel forgets the death signal when ids change.
  builder.inside(child::Op::kDeathSignal, "tying init's life to the monitor's again").num[0] = builder.conf().signals.death;
}

}  // namespace

Status decide_capabilities(Builder& builder) {
  const config::CapabilityConf& conf = builder.conf().capabilities;
  if (!conf.drop.empty()) builder.kept_capabilities = ~mask_of(conf.drop);
  if (conf.keep_none || !conf.keep.empty()) builder.kept_capabilities = mask_of(conf.keep);
  return {};
}

void plan_limits(Builder& builder) {
  for (const auto& [limit, origin] : builder.conf().limits) {
    PlannedStep& step = builder.meanwhile(child::Op::kProcessLimit, "setting a resource limit of init");
    step.num[0] = limit.first;
    step.num[1] = static_cast<std::int64_t>(limit.second.soft);
    step.num[2] = static_cast<std::int64_t>(limit.second.hard);
    step.origin = origin;
  }
  for (const auto& [value, origin] : builder.conf().proc) {
    PlannedStep& step = builder.meanwhile(child::Op::kWriteProc, strings::cat("writing /proc/INIT/", value.first));
    step.text[0] = value.first;
    step.text[1] = value.second;
    step.origin = origin;
  }
}

// Written through the host's /proc, from inside the container's namespaces: the values that belong to a namespace are the
// container's, and it does not matter whether it gets a writable /proc of its own.
void plan_sysctls(Builder& builder) {
  for (const auto& [value, origin] : builder.conf().sysctls) {
    std::string path = value.first;
    for (char& c : path) {
      if (c == '.') c = '/';
    }
    PlannedStep& step = builder.inside(child::Op::kWriteFile, strings::cat("setting ", value.first));
    step.text[0] = "/proc/sys/" + path;
    step.text[1] = value.second;
    step.origin = origin;
  }
}

void plan_restrictions(Builder& builder) {
  const config::Conf& conf = builder.conf();
  if (conf.personality) {
    PlannedStep& step = builder.inside(child::Op::kPersonality, "setting the personality");
    step.num[0] = static_cast<std::int64_t>(*conf.personality);
    step.origin = builder.origin("lxc.arch");
  }
  if (conf.core_scheduling)
    builder.inside(child::Op::kCoreScheduling, "taking a core-scheduling cookie").origin = builder.origin("lxc.sched.core");
  if (builder.kept_capabilities != ~std::uint64_t{0}) {
    PlannedStep& step = builder.inside(child::Op::kCapabilities, "dropping capabilities");
    step.num[0] = static_cast<std::int64_t>(builder.kept_capabilities);
    step.origin = capability_origin(conf.capabilities);
  }
  if (conf.security.no_new_privs) {
    builder.inside(child::Op::kNoNewPrivileges, "giving up new privileges").origin = builder.origin("lxc.no_new_privs");
  }
}

Status plan_program(Builder& builder) {
  const config::Conf& conf = builder.conf();
  if (!conf.init.cwd.empty()) {
    PlannedStep& cwd = builder.inside(child::Op::kWorkingDirectory, "changing to init's working directory");
    cwd.text[0] = conf.init.cwd;
    cwd.origin = builder.origin("lxc.init.cwd");
  }
  PlannedStep& session = builder.inside(child::Op::kSession, "opening a session");
  session.num[0] = 1;
  session.num[1] = child::kNoSlot;
  session.num[2] = builder.inputs.foreground ? 1 : 0;
  session.num[3] = builder.inputs.terminal ? 1 : 0;
  if (conf.hooks.commands[static_cast<std::size_t>(config::HookType::kStart)].empty()) plan_seccomp(builder);
  plan_ids(builder);
  builder.inside(child::Op::kRelease, "telling the monitor that init is about to run").num[0] =
      static_cast<std::int64_t>(child::Point::kAboutToExec);
  PlannedStep& exec = builder.inside(child::Op::kExec, "executing init");
  exec.list[0] = TRY(command_of(builder));
  exec.list[1] = init_environment(builder);
  exec.num[0] = builder.inputs.with_init ? std::int64_t{kSlotProgram} : child::kNoSlot;
  exec.doing = strings::cat("executing ", builder.inputs.with_init ? "berth-init" : exec.list[0].front());
  exec.origin = builder.inputs.command.empty() ? builder.origin("lxc.init.cmd") : Origin{};
  return {};
}

}  // namespace berth::plan
