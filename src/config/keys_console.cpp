// Runs in: the command or library caller that reads configuration.
#include <bit>

#include "config/codecs.hpp"
#include "config/key_sections.hpp"

namespace berth::config {
namespace {

constexpr std::uint64_t kPage = 4096;                 // the smallest that LXC takes on every architecture
constexpr std::uint64_t kAutomaticSize = 128 * 1024;  // "auto"

// Rounded up to a page and a power of two, as the ring buffer needs it. 0 stays off.
template <std::uint64_t ConsoleConf::* Member>
Status set_buffer(Conf& conf, const Assignment& assignment) {
  const auto size = assignment.value == "auto" ? kAutomaticSize : parse_size(assignment.value, false);
  if (!size) return fail(bad_value(assignment, "a size in bytes or with the unit kB, MB or GB, or auto"));
  conf.console.*Member = *size == 0 ? 0 : std::bit_ceil(std::max(*size, kPage));
  return {};
}

Status set_tmpfs_size(Conf& conf, const Assignment& assignment) {
  const auto size = parse_size(assignment.value, true);
  if (!size) return fail(bad_value(assignment, "a size in bytes"));
  conf.dev.tmpfs_size = *size;
  return {};
}

// The name becomes a directory in the container's /dev.
Status check_tty_dir(const Assignment& assignment) {
  TRY(check_relative_path(assignment));
  if (assignment.value.size() > 255) return fail(bad_value(assignment, "a name of at most 255 characters"));
  return {};
}

template <std::uint64_t ConsoleConf::* Member>
constexpr Codec buffer() {
  return {set_buffer<Member>, detail::get_number<&Conf::console, Member>, detail::reset<&Conf::console, Member>};
}

constexpr Codec tmpfs_size() {
  return {set_tmpfs_size, detail::get_number<&Conf::dev, &DevConf::tmpfs_size>, detail::reset<&Conf::dev, &DevConf::tmpfs_size>};
}

constexpr Key kKeys[] = {
    {.name = "lxc.autodev",
     .flags = kEmptyIsZero,
     .codec = flag<&Conf::dev, &DevConf::autodev>(),
     .syntax = "0|1",
     .example = "0",
     .initial = "1",
     .documentation = "1 mounts a tmpfs on the container's /dev and fills it with the minimal set of devices. The key with an "
                      "empty value means 0."},
    {.name = "lxc.autodev.tmpfs.size",
     .codec = tmpfs_size(),
     .syntax = "BYTES",
     .example = "1000000",
     .initial = "500000",
     .since = "4.0",
     .documentation =
         "The size of the tmpfs that lxc.autodev mounts, in bytes. The suffixes kB, MB, GB, k, M and G (multiples of "
         "1024) are understood."},
    {.name = "lxc.tty.max",
     .codec = number<&Conf::dev, &DevConf::tty_max>(),
     .syntax = "NUMBER",
     .example = "4",
     .initial = "0",
     .documentation = "How many terminals /dev/tty1... the container gets; lxc-console attaches to them."},
    {.name = "lxc.tty.dir",
     .codec = checked_text<check_tty_dir, &Conf::dev, &DevConf::tty_dir>(),
     .syntax = "NAME",
     .example = "lxc",
     .initial = "none",
     .documentation =
         "A directory below /dev in which console and terminals are made, with links in /dev itself, so that package "
         "upgrades inside may replace those."},
    {.name = "lxc.pty.max",
     .codec = number<&Conf::dev, &DevConf::pty_max>(),
     .syntax = "NUMBER",
     .example = "1024",
     .initial = "0",
     .documentation = "The most pseudo terminals of the container's own devpts instance. With 0 here and in lxc.tty.max there is "
                      "no instance of its own."},
    {.name = "lxc.console.path",
     .codec = path<nullptr, &Conf::console, &ConsoleConf::path>(),
     .syntax = "PATH|none",
     .example = "none",
     .initial = "the starter's terminal when in foreground",
     .documentation = "The host terminal that the console is connected to; none gives the container no /dev/console."},
    {.name = "lxc.console.logfile",
     .codec = path<nullptr, &Conf::console, &ConsoleConf::logfile>(),
     .syntax = "PATH",
     .example = "/var/log/lxc/web1-console.log",
     .initial = "none",
     .documentation = "A file to which everything that the container writes to its console is appended."},
    {.name = "lxc.console.buffer.size",
     .codec = buffer<&ConsoleConf::buffer_size>(),
     .syntax = "SIZE|auto",
     .example = "131072",
     .initial = "0 (no buffer)",
     .since = "3.0",
     .documentation = "The size of the ring buffer in memory that keeps the last console output. Bytes, or with the unit kB, MB, "
                      "GB (multiples of 1024); auto is 128 kB. Rounded up to a power of two of at least one page."},
    {.name = "lxc.console.size",
     .codec = buffer<&ConsoleConf::log_size>(),
     .syntax = "SIZE|auto",
     .example = "65536",
     .initial = "0 (no limit)",
     .since = "3.0",
     .documentation = "The largest size of the console log file. Written like lxc.console.buffer.size."},
    {.name = "lxc.console.rotate",
     .codec = flag<&Conf::console, &ConsoleConf::rotate>(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .since = "3.0",
     .documentation = "1 renames a full console log to FILE.1 and starts a new one; 0 truncates it."},
};

}  // namespace

std::span<const Key> console_keys() { return kKeys; }

}  // namespace berth::config
