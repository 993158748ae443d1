// Runs in: the commands that copy, rename or destroy a container; the hooks are its children on the host.
#include "runtime/config_hook.hpp"

#include "base/strings.hpp"
#include "os/command.hpp"
#include "runtime/host_program.hpp"

namespace berth::runtime {
namespace {

std::string_view type_name(config::HookType type) { return type == config::HookType::kClone ? "clone" : "destroy"; }

std::vector<std::string> environment_of(const ConfigHooks& hooks) {
  const config::Conf& conf = hooks.conf;
  auto environment = own_environment();
  for (const auto* list : {&conf.environment, &conf.environment_hooks})
    for (const auto& entry : *list) environment.push_back(entry.value);
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) environment.push_back(strings::cat(name, "=", value));
  };
  add("LXC_NAME", hooks.container.name());
  add("LXC_CONFIG_FILE", hooks.container.config_file());
  add("LXC_ROOTFS_MOUNT", hooks.root_mount.empty() ? conf.rootfs.mount : hooks.root_mount);
  add("LXC_ROOTFS_PATH", conf.rootfs.path);
  add("LXC_CONSOLE", conf.console.path);
  add("LXC_CONSOLE_LOGPATH", conf.console.logfile);
  add("LXC_CGNS_AWARE", "1");
  add("LXC_HOOK_VERSION", strings::cat(conf.hooks.version));
  if (conf.hooks.version == 1) {
    add("LXC_HOOK_TYPE", type_name(hooks.type));
    add("LXC_HOOK_SECTION", "lxc");
  }
  environment.insert(environment.end(), hooks.environment.begin(), hooks.environment.end());
  return environment;
}

std::string command_of(const ConfigHooks& hooks, const config::SourcedText& hook) {
  std::string command = "exec 2>&1; exec " + hook.value;
  if (hooks.conf.hooks.version == 0)
    command += strings::cat(" ", strings::shell_quote(hooks.container.name()), " lxc ", type_name(hooks.type));
  for (const auto& argument : hooks.arguments) command += " " + strings::shell_quote(argument);
  return command;
}

Status run_hook(const ConfigHooks& hooks, const config::SourcedText& hook) {
  os::Command program;
  program.program = "/bin/sh";
  program.arguments = {"-c", command_of(hooks, hook)};
  program.environment = environment_of(hooks);
  program.mounts = hooks.mounts;
  const os::Finished outcome = TRY(os::run(program));
  if (outcome.status == 0) return {};
  return fail(Error::message(strings::cat("the ", type_name(hooks.type), " hook ", describe_wait_status(outcome.status)), EIO)
                  .output(outcome.output)
                  .hint(hooks.hint.empty() ? strings::cat("repair the hook or remove its line; nothing of ",
                                                          hooks.container.directory(), " has been removed")
                                           : hooks.hint)
                  .set_by(hook.origin));
}

}  // namespace

Status run_config_hooks(const ConfigHooks& hooks) {
  for (const auto& hook : hooks.conf.hooks.commands[static_cast<std::size_t>(hooks.type)]) TRY(run_hook(hooks, hook));
  return {};
}

}  // namespace berth::runtime
