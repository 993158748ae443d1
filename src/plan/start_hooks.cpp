// Runs in: the starting command.
#include <array>

#include "base/strings.hpp"
#include "plan/builder.hpp"

namespace berth::plan {
namespace {

struct HookName {
  config::HookType type;
  std::string_view name;
};

constexpr auto kHookNames = std::to_array<HookName>({
    HookName{config::HookType::kPreStart, "pre-start"},
    HookName{config::HookType::kPreMount, "pre-mount"},
    HookName{config::HookType::kMount, "mount"},
    HookName{config::HookType::kAutodev, "autodev"},
    HookName{config::HookType::kStartHost, "start-host"},
    HookName{config::HookType::kStart, "start"},
    HookName{config::HookType::kStop, "stop"},
    HookName{config::HookType::kPostStop, "post-stop"},
    HookName{config::HookType::kClone, "clone"},
    HookName{config::HookType::kDestroy, "destroy"},
});

std::string_view name_of(config::HookType type) {
  for (const HookName& row : kHookNames) {
    if (row.type == type) return row.name;
  }
  return "";
}

void put(std::vector<std::string>& environment, std::string_view name, std::string_view value) {
  const std::string prefix = strings::cat(name, '=');
  std::erase_if(environment, [&prefix](const std::string& entry) { return entry.starts_with(prefix); });
  environment.push_back(prefix + std::string(value));
}

std::vector<std::string> hook_environment(const Builder& builder, std::string_view type) {
  const config::Conf& conf = builder.conf();
  std::vector<std::string> environment = builder.inputs.caller_environment;
  put(environment, "LXC_NAME", builder.inputs.name);
  put(environment, "LXC_CONFIG_FILE", builder.inputs.config_file);
  put(environment, "LXC_ROOTFS_MOUNT", builder.root_mount);
  put(environment, "LXC_ROOTFS_PATH", conf.rootfs.path);
  if (!conf.console.path.empty()) put(environment, "LXC_CONSOLE", conf.console.path);
  if (!conf.console.logfile.empty()) put(environment, "LXC_CONSOLE_LOGPATH", conf.console.logfile);
  put(environment, "LXC_CGNS_AWARE", "1");
  if (conf.log.level) put(environment, "LXC_LOG_LEVEL", std::to_string(*conf.log.level));
  put(environment, "LXC_HOOK_VERSION", std::to_string(conf.hooks.version));
  if (conf.hooks.version == 1) {
    put(environment, "LXC_HOOK_TYPE", type);
    put(environment, "LXC_HOOK_SECTION", "lxc");
  }
  for (const auto* list : {&conf.environment, &conf.environment_hooks}) {
    for (const auto& [entry, origin] : *list)
      put(environment, entry.substr(0, entry.find('=')), std::string_view(entry).substr(entry.find('=') + 1));
  }
  return environment;
}

void fill(PlannedStep& step, const Builder& builder, const config::SourcedText& command, std::string_view type) {
  std::string line = "exec " + command.value;
  if (builder.conf().hooks.version == 0) line += strings::cat(' ', strings::shell_quote(builder.inputs.name), " lxc ", type);
  step.text[0] = command.value;
  step.text[1] = std::string(type);
  step.num[0] = builder.conf().hooks.version;
  step.list[0] = {"/bin/sh", "-c", std::move(line)};
  step.list[1] = hook_environment(builder, type);
  step.origin = command.origin;
}

const config::SourcedText* script_of(const config::NetworkConf& network, bool up) {
  const std::string_view subkey = up ? "script.up" : "script.down";
  for (const auto& [name, value] : network.values) {
    if (name == subkey) return &value;
  }
  return nullptr;
}

std::string link_of(const config::NetworkConf& network) {
  for (const auto& [name, value] : network.values) {
    if (name == "link") return value.value;
  }
  return {};
}

}  // namespace

bool has_hooks(const Builder& builder, config::HookType type) {
  return !builder.conf().hooks.commands[static_cast<std::size_t>(type)].empty();
}

bool has_network_script(const config::NetworkConf& network, bool up) { return script_of(network, up) != nullptr; }

// Behind what the line says, version 0: NAME net up TYPE [LINK] [HOST-END]; version 1: TYPE [LINK] [HOST-END], with all of it in
// the environment too. As LXC does it, whatever its manual says of arguments in version 1.
void fill_network_script(PlannedStep& step, const Builder& builder, const NetworkScript& script, bool up) {
  const config::SourcedText& command = *script_of(script.network, up);
  const std::string_view type = up ? "up" : "down";
  // A virtual LAN has none, as in LXC.
  const std::string parent = script.network.type == "vlan" ? std::string() : link_of(script.network);
  std::string line = "exec " + command.value;
  std::vector<std::string> environment = hook_environment(builder, type);
  if (builder.conf().hooks.version == 0) {
    line += strings::cat(' ', strings::shell_quote(builder.inputs.name), " net ", type);
  } else {
    put(environment, "LXC_HOOK_SECTION", "net");
    put(environment, "LXC_NET_TYPE", script.network.type);
    if (!parent.empty() || script.network.type == "veth") put(environment, "LXC_NET_PARENT", parent);
    if (!script.host_end.empty()) put(environment, "LXC_NET_PEER", script.host_end);
  }
  line += strings::cat(' ', script.network.type);
  for (const std::string& word : {parent, script.host_end}) {
    if (!word.empty()) line += strings::cat(' ', strings::shell_quote(word));
  }
  step.text[0] = command.value;
  step.text[1] = strings::cat("net ", type);
  step.num[0] = builder.conf().hooks.version;
  step.list[0] = {"/bin/sh", "-c", std::move(line)};
  step.list[1] = std::move(environment);
  step.origin = command.origin;
}

void plan_host_hooks(Builder& builder, config::HookType type, child::Phase phase, bool may_fail) {
  const std::string_view name = name_of(type);
  for (const config::SourcedText& command : builder.conf().hooks.commands[static_cast<std::size_t>(type)]) {
    PlannedStep& step = builder.add(phase, child::Op::kHostHook, strings::cat("running the ", name, " hook"));
    fill(step, builder, command, name);
    step.flags = child::kStepOnReboot | (may_fail ? std::uint32_t{child::kStepMayFail} : 0);
  }
}

void plan_container_hooks(Builder& builder, config::HookType type) {
  const std::string_view name = name_of(type);
  for (const config::SourcedText& command : builder.conf().hooks.commands[static_cast<std::size_t>(type)]) {
    fill(builder.inside(child::Op::kHook, strings::cat("running the ", name, " hook")), builder, command, name);
  }
}

}  // namespace berth::plan
