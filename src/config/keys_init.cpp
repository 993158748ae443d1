// Runs in: the command or library caller that reads configuration.
#include <cerrno>
#include <cstdlib>

#include "base/signal_names.hpp"
#include "config/codecs.hpp"
#include "config/key_sections.hpp"

namespace berth::config {
namespace {

constexpr std::string_view kGroups = "group ids separated by commas";

Status add_groups(Conf& conf, const Assignment& assignment) {
  std::vector<gid_t> groups;
  for (const std::string_view word : strings::split_words(assignment.value, ",")) {
    const auto group = parse_integer(strings::trim_left(word));
    if (!group || !std::in_range<gid_t>(*group)) return fail(bad_value(assignment, kGroups, word));
    groups.push_back(static_cast<gid_t>(*group));
  }
  if (groups.empty()) return fail(bad_value(assignment, kGroups));
  conf.init.groups.insert(conf.init.groups.end(), groups.begin(), groups.end());
  return {};
}

Status get_groups(const Conf& conf, const KeyRef&, TextWriter& out) {
  for (const gid_t group : conf.init.groups) out.add(out.empty() ? "" : ",", group);
  return {};
}

// NAME alone takes the caller's value now, so that a later change of the environment does not matter.
template <std::vector<SourcedText> Conf::* Member>
Status add_variable(Conf& conf, const Assignment& assignment) {
  const std::string_view value = assignment.value;
  const std::size_t equals = value.find('=');
  if (equals == 0) return fail(bad_value(assignment, "NAME=VALUE or NAME"));
  std::string variable{value};
  if (equals == std::string_view::npos) {
    const char* inherited = std::getenv(variable.c_str());
    if (inherited == nullptr) {
      return fail(
          Error::message(strings::cat(assignment.ref.name, ": the variable \"", value, "\" is not in the environment"), ENOENT)
              .hint(strings::cat("give it a value: ", assignment.ref.name, " = ", value, "=VALUE")));
    }
    variable = strings::cat(variable, "=", inherited);
  }
  (conf.*Member).push_back({std::move(variable), assignment.origin});
  return {};
}

template <std::vector<SourcedText> Conf::* Member>
constexpr Codec environment() {
  return {add_variable<Member>, detail::get_lines<Member>, detail::reset<Member>};
}

template <int SignalConf::* Member>
Status set_signal(Conf& conf, const Assignment& assignment) {
  const auto number = signals::number_of(assignment.value);
  if (!number) return fail(bad_value(assignment, "a signal as SIGTERM, SIGRTMIN+3, SIGRTMAX-2 or a number"));
  conf.signals.*Member = *number;
  return {};
}

template <int SignalConf::* Member>
constexpr Codec signal() {
  return {set_signal<Member>, detail::get_number<&Conf::signals, Member>, detail::reset<&Conf::signals, Member>};
}

constexpr Key kKeys[] = {
    {.name = "lxc.init.cmd",
     .codec = checked_text<check_command_line, &Conf::init, &InitConf::command>(),
     .syntax = "COMMAND [ARGUMENT...]",
     .example = "/sbin/init --log-target=console",
     .initial = "/sbin/init",
     .documentation =
         "The program that runs as the container's first process, an absolute path inside, with its arguments. Quotes "
         "and backslashes work as in a shell; nothing is expanded."},
    {.name = "lxc.execute.cmd",
     .codec = checked_text<check_command_line, &Conf::init, &InitConf::execute_command>(),
     .syntax = "COMMAND [ARGUMENT...]",
     .example = "/bin/sh -c 'exec date'",
     .initial = "none",
     .since = "3.0",
     .documentation = "What lxc-execute runs when it is given no command. Quoted like lxc.init.cmd."},
    {.name = "lxc.init.cwd",
     .codec = path<check_absolute_path, &Conf::init, &InitConf::cwd>(),
     .syntax = "PATH",
     .example = "/srv",
     .initial = "/",
     .since = "3.0",
     .documentation = "The working directory of init, an absolute path inside. It is made when it is missing."},
    {.name = "lxc.init.uid",
     .codec = number<&Conf::init, &InitConf::uid>(),
     .syntax = "UID",
     .example = "1000",
     .initial = "0",
     .documentation = "The user id of init, as seen inside."},
    {.name = "lxc.init.gid",
     .codec = number<&Conf::init, &InitConf::gid>(),
     .syntax = "GID",
     .example = "1000",
     .initial = "0",
     .documentation = "The group id of init, as seen inside."},
    {.name = "lxc.init.groups",
     .flags = kList,
     .codec = {add_groups, get_groups, detail::reset<&Conf::init, &InitConf::groups>},
     .syntax = "GID[,GID...]",
     .example = "10,20",
     .initial = "none",
     .since = "4.0",
     .documentation = "Supplementary groups of init, as seen inside."},
    {.name = "lxc.environment",
     .flags = kList,
     .codec = environment<&Conf::environment>(),
     .syntax = "NAME[=VALUE]",
     .example = "LANG=C.UTF-8",
     .initial = "none",
     .documentation = "A variable for init and for the hooks. A name without = copies the value that the caller has when the "
                      "configuration is read."},
    {.name = "lxc.environment.runtime",
     .flags = kList,
     .codec = environment<&Conf::environment_runtime>(),
     .syntax = "NAME[=VALUE]",
     .example = "APP_MODE=production",
     .initial = "none",
     .since = "7.0",
     .documentation = "A variable for init only."},
    {.name = "lxc.environment.hooks",
     .flags = kList,
     .codec = environment<&Conf::environment_hooks>(),
     .syntax = "NAME[=VALUE]",
     .example = "HOOK_DEBUG=1",
     .initial = "none",
     .since = "7.0",
     .documentation = "A variable for the hooks only."},
    {.name = "lxc.signal.halt",
     .flags = kLive,
     .codec = signal<&SignalConf::halt>(),
     .syntax = "SIGNAL",
     .example = "SIGTERM",
     .initial = "SIGPWR; SIGRTMIN+3 when init blocks that, as systemd does",
     .documentation = "The signal that asks init to shut down: SIGTERM, SIGRTMIN+3, SIGRTMAX-2 or a number."},
    {.name = "lxc.signal.reboot",
     .flags = kLive,
     .codec = signal<&SignalConf::reboot>(),
     .syntax = "SIGNAL",
     .example = "SIGRTMIN+5",
     .initial = "SIGINT",
     .documentation = "The signal that asks init to reboot."},
    {.name = "lxc.signal.stop",
     .flags = kLive,
     .codec = signal<&SignalConf::stop>(),
     .syntax = "SIGNAL",
     .example = "SIGKILL",
     .initial = "SIGKILL",
     .documentation = "The signal that ends init by force."},
};

}  // namespace

std::span<const Key> init_keys() { return kKeys; }

}  // namespace berth::config
