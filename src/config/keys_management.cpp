// Runs in: the command or library caller that reads configuration.
#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "base/signal_names.hpp"
#include "config/codecs.hpp"
#include "config/key_sections.hpp"

namespace berth::config {
namespace {

Status set_level(Conf& conf, const Assignment& assignment) {
  if (assignment.value == "9" || assignment.value == "NOTSET") {
    conf.log.level.reset();
    return {};
  }
  const auto level = log::parse_level(assignment.value);
  if (!level) {
    return fail(bad_value(assignment, "0 to 8 or TRACE, DEBUG, INFO, NOTICE, WARN, ERROR, CRIT, ALERT, FATAL"));
  }
  conf.log.level = static_cast<int>(*level);
  return {};
}

Status get_level(const Conf& conf, const KeyRef&, TextWriter& out) {
  out.add(conf.log.level ? log::level_name(static_cast<log::Level>(*conf.log.level)) : "NOTSET");
  return {};
}

constexpr std::array<std::string_view, 9> kFacilities = {"daemon", "local0", "local1", "local2", "local3",
                                                         "local4", "local5", "local6", "local7"};

Status check_facility(const Assignment& assignment) {
  if (std::ranges::find(kFacilities, assignment.value) != kFacilities.end()) return {};
  return fail(bad_value(assignment, "a syslog facility: daemon or local0 to local7"));
}

Status set_death_signal(Conf& conf, const Assignment& assignment) {
  const auto number = signals::number_of(assignment.value);
  if (!number) return fail(bad_value(assignment, "a signal as SIGTERM, SIGRTMIN+3, SIGRTMAX-2 or a number"));
  conf.signals.death = *number;
  return {};
}

constexpr Key kKeys[] = {
    {.name = "lxc.include",
     .flags = kInclude,
     .syntax = "FILE|DIRECTORY",
     .example = "/usr/share/lxc/config/common.conf",
     .initial = "-",
     .documentation =
         "Reads another file at this place; of a directory, every file whose name ends in .conf, sorted. A directory "
         "(a path that ends in /) may be missing, a file may not."},
    {.name = "lxc.ephemeral",
     .codec = flag<&Conf::ephemeral>(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .documentation = "1 destroys the container when it has stopped; a reboot does not."},
    {.name = "lxc.start.auto",
     .flags = kLive,
     .codec = flag<&Conf::autostart, &AutostartConf::automatic>(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .documentation = "1 starts the container when the host boots."},
    {.name = "lxc.start.delay",
     .flags = kLive,
     .codec = number<&Conf::autostart, &AutostartConf::delay>(),
     .syntax = "SECONDS",
     .example = "5",
     .initial = "0",
     .documentation = "How long to wait after this container before the next one is started."},
    {.name = "lxc.start.order",
     .flags = kLive,
     .codec = number<&Conf::autostart, &AutostartConf::order>(),
     .syntax = "NUMBER",
     .example = "-10",
     .initial = "0",
     .documentation = "Containers with lower numbers start earlier and stop later; equal ones go by name."},
    {.name = "lxc.group",
     .flags = kList | kLive,
     .codec = word_list<&Conf::autostart, &AutostartConf::groups>(),
     .syntax = "GROUP [GROUP...]",
     .example = "onboot web",
     .initial = "none",
     .documentation = "Groups of containers that lxc-autostart can be given. onboot is started before those without a group."},
    {.name = "lxc.log.level",
     .codec = {set_level, get_level, detail::reset<&Conf::log, &LogConf::level>},
     .syntax = "LEVEL",
     .example = "DEBUG",
     .initial = "ERROR",
     .documentation =
         "The least important messages that are logged: TRACE, DEBUG, INFO, NOTICE, WARN, ERROR, CRIT, ALERT, FATAL or 0 "
         "to 8."},
    {.name = "lxc.log.file",
     .codec = text<&Conf::log, &LogConf::file>(),
     .syntax = "PATH",
     .example = "/var/log/lxc/web1.log",
     .initial = "none",
     .documentation = "The file that messages are appended to."},
    {.name = "lxc.log.syslog",
     .codec = checked_text<check_facility, &Conf::log, &LogConf::syslog>(),
     .syntax = "FACILITY",
     .example = "daemon",
     .initial = "off",
     .documentation = "Sends messages to the system's log too, under this facility: daemon, local0 ... local7."},
    {.name = "lxc.monitor.unshare",
     .codec = number<&Conf::monitor_unshare>(),
     .syntax = "NUMBER",
     .example = "1",
     .initial = "0",
     .documentation = "Any number but 0 gives the monitor a mount namespace of its own before anything else, hooks included."},
    {.name = "lxc.monitor.signal.pdeath",
     .codec = {set_death_signal, detail::get_number<&Conf::signals, &SignalConf::death>,
               detail::reset<&Conf::signals, &SignalConf::death>},
     .syntax = "SIGNAL",
     .example = "SIGTERM",
     .initial = "SIGKILL",
     .since = "4.0",
     .documentation = "The signal that init gets when its monitor dies; 0 for none, so that the container lives on."},
};

}  // namespace

std::span<const Key> management_keys() { return kKeys; }

}  // namespace berth::config
