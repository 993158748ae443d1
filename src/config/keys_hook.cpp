// Runs in: the command or library caller that reads configuration.
#include "config/codecs.hpp"
#include "config/key_sections.hpp"

namespace berth::config {
namespace {

template <HookType Type>
Status add_hook(Conf& conf, const Assignment& assignment) {
  conf.hooks.commands[static_cast<std::size_t>(Type)].push_back({std::string(assignment.value), assignment.origin});
  return {};
}

template <HookType Type>
Status get_hooks(const Conf& conf, const KeyRef&, TextWriter& out) {
  for (const SourcedText& command : conf.hooks.commands[static_cast<std::size_t>(Type)]) out.add(command.value, '\n');
  return {};
}

template <HookType Type>
void clear_hooks(Conf& conf, const KeyRef&) {
  conf.hooks.commands[static_cast<std::size_t>(Type)].clear();
}

template <HookType Type>
constexpr Codec hook() {
  return {add_hook<Type>, get_hooks<Type>, clear_hooks<Type>};
}

void clear_all(Conf& conf, const KeyRef&) {
  for (auto& commands : conf.hooks.commands) commands.clear();
}

Status set_version(Conf& conf, const Assignment& assignment) {
  conf.hooks.version = TRY(parse_flag(assignment)) ? 1 : 0;
  return {};
}

constexpr Codec version() {
  return {set_version, detail::get_number<&Conf::hooks, &HookConf::version>, detail::reset<&Conf::hooks, &HookConf::version>};
}

constexpr std::string_view kSyntax = "COMMAND [ARGUMENT...]";

constexpr Key kKeys[] = {
    {.name = "lxc.hook",
     .flags = kValueless,
     .codec = {nullptr, nullptr, clear_all},
     .syntax = "(empty)",
     .initial = "-",
     .documentation = "With an empty value, removes the hooks of all types."},
    {.name = "lxc.hook.version",
     .codec = version(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .since = "3.0",
     .documentation =
         "How a hook learns about its container. 0: arguments NAME, section (lxc or net) and hook type, then more for "
         "some types; 1: variables LXC_HOOK_SECTION, LXC_HOOK_TYPE and others. LXC_NAME is set with both."},
    {.name = "lxc.hook.pre-start",
     .flags = kList,
     .codec = hook<HookType::kPreStart>(),
     .syntax = kSyntax,
     .example = "/usr/local/bin/prepare --fast",
     .initial = "none",
     .documentation = "Runs on the host before terminals, console and mounts are made. The command is run by a shell."},
    {.name = "lxc.hook.pre-mount",
     .flags = kList,
     .codec = hook<HookType::kPreMount>(),
     .syntax = kSyntax,
     .example = "/usr/local/bin/unlock-root",
     .initial = "none",
     .documentation = "Runs in the container's mount namespace before the root file system is mounted, for instance to open an "
                      "encrypted device."},
    {.name = "lxc.hook.mount",
     .flags = kList,
     .codec = hook<HookType::kMount>(),
     .syntax = kSyntax,
     .example = "/usr/share/lxcfs/lxc.mount.hook",
     .initial = "none",
     .documentation =
         "Runs in the container's namespaces when the mounts are done and before the root is changed; the container's "
         "tree is at $LXC_ROOTFS_MOUNT."},
    {.name = "lxc.hook.autodev",
     .flags = kList,
     .codec = hook<HookType::kAutodev>(),
     .syntax = kSyntax,
     .example = "/usr/local/bin/add-devices",
     .initial = "none",
     .documentation = "Runs after the mount hooks when lxc.autodev is 1, to add to the container's /dev."},
    {.name = "lxc.hook.start-host",
     .flags = kList,
     .codec = hook<HookType::kStartHost>(),
     .syntax = kSyntax,
     .example = "/usr/local/bin/announce",
     .initial = "none",
     .since = "3.0",
     .documentation = "Runs on the host when the container is set up, immediately before init."},
    {.name = "lxc.hook.start",
     .flags = kList,
     .codec = hook<HookType::kStart>(),
     .syntax = kSyntax,
     .example = "/sbin/first-steps",
     .initial = "none",
     .documentation = "Runs inside the container immediately before init; the program must exist there."},
    {.name = "lxc.hook.stop",
     .flags = kList,
     .codec = hook<HookType::kStop>(),
     .syntax = kSyntax,
     .example = "/usr/local/bin/collect",
     .initial = "none",
     .documentation = "Runs on the host when the container has ended, with references to its namespaces, which still exist."},
    {.name = "lxc.hook.post-stop",
     .flags = kList,
     .codec = hook<HookType::kPostStop>(),
     .syntax = kSyntax,
     .example = "/usr/local/bin/clean-up",
     .initial = "none",
     .documentation = "Runs on the host when everything of the container has been taken down."},
    {.name = "lxc.hook.clone",
     .flags = kList | kLive,
     .codec = hook<HookType::kClone>(),
     .syntax = kSyntax,
     .example = "/usr/share/lxc/hooks/clonehostname",
     .initial = "none",
     .documentation = "Runs for the new container when this one is copied; $LXC_SRC_NAME names the original."},
    {.name = "lxc.hook.destroy",
     .flags = kList | kLive,
     .codec = hook<HookType::kDestroy>(),
     .syntax = kSyntax,
     .example = "/usr/local/bin/forget",
     .initial = "none",
     .documentation = "Runs on the host when the container is destroyed."},
};

}  // namespace

std::span<const Key> hook_keys() { return kKeys; }

}  // namespace berth::config
