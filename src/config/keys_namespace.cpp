// Runs in: the command or library caller that reads configuration.
#include <sched.h>

#include <algorithm>
#include <array>

#include "config/codecs.hpp"
#include "config/key_sections.hpp"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace berth::config {
namespace {

struct NamespaceName {
  std::string_view name;
  int flag;
};
// In LXC's order, which its getter shows. "mount" is what the manual writes for mnt; see namespace_flag.
constexpr std::array kNamespaces = std::to_array<NamespaceName>({
    {"user", CLONE_NEWUSER},
    {"mnt", CLONE_NEWNS},
    {"pid", CLONE_NEWPID},
    {"uts", CLONE_NEWUTS},
    {"ipc", CLONE_NEWIPC},
    {"net", CLONE_NEWNET},
    {"cgroup", CLONE_NEWCGROUP},
    {"time", CLONE_NEWTIME},
});
constexpr std::string_view kExpectedNamespaces = "cgroup, ipc, mnt, net, pid, time, user or uts";

std::optional<int> namespace_flag(std::string_view name) {
  if (name == "mount") return CLONE_NEWNS;
  for (const NamespaceName& known : kNamespaces) {
    if (equal_ignoring_case(name, known.name)) return known.flag;
  }
  return std::nullopt;
}

Result<int> parse_namespaces(const Assignment& assignment) {
  int flags = 0;
  for (const std::string_view word : strings::split_words(assignment.value)) {
    const auto flag = namespace_flag(word);
    if (!flag) return fail(bad_value(assignment, kExpectedNamespaces, word));
    flags |= *flag;
  }
  return flags;
}

Status set_clone(Conf& conf, const Assignment& assignment) {
  if (conf.namespaces.keep) return fail(excluded_by(assignment, "lxc.namespace.keep", conf.origin("lxc.namespace.keep")));
  conf.namespaces.clone = TRY(parse_namespaces(assignment));
  return {};
}

Status set_keep(Conf& conf, const Assignment& assignment) {
  if (conf.namespaces.clone) return fail(excluded_by(assignment, "lxc.namespace.clone", conf.origin("lxc.namespace.clone")));
  conf.namespaces.keep = TRY(parse_namespaces(assignment));
  return {};
}

template <std::optional<int> NamespaceConf::* Member>
Status get_namespaces(const Conf& conf, const KeyRef&, TextWriter& out) {
  for (const NamespaceName& known : kNamespaces) {
    if ((conf.namespaces.*Member).value_or(0) & known.flag) out.add(known.name, '\n');
  }
  return {};
}

Status check_namespace(const KeyRef& ref) {
  if (namespace_flag(ref.sub)) return {};
  return fail(Error::message(strings::cat("unknown namespace \"", ref.sub, "\" in ", ref.name))
                  .hint(strings::cat("the namespaces are ", kExpectedNamespaces)));
}

Status set_share(Conf& conf, const Assignment& assignment) {
  TRY(check_namespace(assignment.ref));
  const auto flag = namespace_flag(assignment.ref.sub);
  conf.namespaces.share[*flag] = {std::string(assignment.value), assignment.origin};
  return {};
}

Status get_share(const Conf& conf, const KeyRef& ref, TextWriter& out) {
  const auto found = conf.namespaces.share.find(namespace_flag(ref.sub).value_or(0));
  if (found != conf.namespaces.share.end()) out.add(found->second.value);
  return {};
}

void clear_share(Conf& conf, const KeyRef& ref) {
  if (const auto flag = namespace_flag(ref.sub)) conf.namespaces.share.erase(*flag);
}

constexpr std::string_view kMapSyntax = "\"u|g FIRST-INSIDE FIRST-ON-HOST COUNT\"";

Status add_idmap(Conf& conf, const Assignment& assignment) {
  const auto words = strings::split_words(assignment.value);
  if (words.size() != 4) return fail(bad_value(assignment, kMapSyntax));
  if (words[0] != "u" && words[0] != "g") return fail(bad_value(assignment, "u or g first", words[0]));
  std::uint32_t numbers[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const auto number = strings::parse_number<std::uint32_t>(words[i + 1]);
    if (!number) return fail(bad_value(assignment, "an id from 0 to 4294967295", words[i + 1]));
    numbers[i] = *number;
  }
  const auto [inside, host, count] = numbers;
  if (count == 0) return fail(bad_value(assignment, "a count of at least 1", words[3]));
  constexpr std::uint64_t kIds = std::uint64_t{1} << 32;
  if (std::uint64_t{inside} + count > kIds || std::uint64_t{host} + count > kIds) {
    return fail(bad_value(assignment, "a range that ends at or below id 4294967295", words[3]));
  }
  conf.idmap.push_back({{words[0][0], inside, host, count}, assignment.origin});
  return {};
}

// LXC puts line ends between the entries only.
Status get_idmap(const Conf& conf, const KeyRef&, TextWriter& out) {
  for (const auto& [entry, origin] : conf.idmap) {
    out.add(out.empty() ? "" : "\n", entry.kind, ' ', entry.inside, ' ', entry.host, ' ', entry.count);
  }
  return {};
}

struct TimeUnit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array kUnits = std::to_array<TimeUnit>({
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
});

template <std::int64_t Conf::* Member>
Status set_offset(Conf& conf, const Assignment& assignment) {
  constexpr std::string_view kExpected = "a whole number with the unit h, m, s, ms, us or ns";
  const std::string_view value = assignment.value;
  const std::size_t end = std::min(value.find_first_not_of("-0123456789"), value.size());
  const auto number = strings::parse_number<std::int64_t>(value.substr(0, end));
  const auto unit = std::ranges::find(kUnits, strings::trim(value.substr(end)), &TimeUnit::name);
  std::int64_t offset = 0;
  if (!number || unit == kUnits.end()) return fail(bad_value(assignment, kExpected));
  if (__builtin_mul_overflow(*number, unit->nanoseconds, &offset)) {
    return fail(bad_value(assignment, "an offset of at most 292 years"));
  }
  conf.*Member = offset;
  return {};
}

// LXC's form, a line: whole seconds where the value has no smaller part, and a blank before the unit for the boot-time clock
// alone.
template <std::int64_t Conf::* Member>
Status get_offset(const Conf& conf, const KeyRef&, TextWriter& out) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t offset = conf.*Member;
  const bool whole = offset != 0 && offset % kSecond == 0;
  out.add(whole ? offset / kSecond : offset, Member == &Conf::time_offset_boot_ns ? " " : "", whole ? "s\n" : "ns\n");
  return {};
}

template <std::int64_t Conf::* Member>
constexpr Codec offset() {
  return {set_offset<Member>, get_offset<Member>, detail::reset<Member>};
}

Status check_host_name(const Assignment& assignment) {
  constexpr std::size_t kLongest = 64;  // HOST_NAME_MAX
  if (assignment.value.size() <= kLongest) return {};
  return fail(bad_value(assignment, "a name of at most 64 characters"));
}

constexpr Key kKeys[] = {
    {.name = "lxc.namespace.clone",
     .codec = {set_clone, get_namespaces<&NamespaceConf::clone>, detail::reset<&Conf::namespaces, &NamespaceConf::clone>},
     .syntax = "NAMESPACE [NAMESPACE...]",
     .example = "mnt pid net",
     .initial = "all but time; user only with lxc.idmap",
     .since = "3.0",
     .documentation = "Exactly the namespaces that the container gets of its own: cgroup, ipc, mnt, net, pid, time, user, uts. "
                      "Excludes lxc.namespace.keep."},
    {.name = "lxc.namespace.keep",
     .codec = {set_keep, get_namespaces<&NamespaceConf::keep>, detail::reset<&Conf::namespaces, &NamespaceConf::keep>},
     .syntax = "NAMESPACE [NAMESPACE...]",
     .example = "net ipc",
     .initial = "none",
     .since = "3.0",
     .documentation = "Namespaces that the container shares with the process that starts it; it gets all others of its own. "
                      "Excludes lxc.namespace.clone."},
    {.name = "lxc.namespace.share",
     .flags = kPrefix,
     .codec = {set_share, get_share, clear_share, check_namespace},
     .syntax = "lxc.namespace.share.NAMESPACE = PID|CONTAINER|PATH",
     .example = "net = web2",
     .initial = "none",
     .since = "3.0",
     .documentation = "The container joins this namespace of a process, of another container, or of a namespace file."},
    {.name = "lxc.idmap",
     .flags = kList,
     .codec = {add_idmap, get_idmap, detail::reset<&Conf::idmap>},
     .syntax = "u|g FIRST-INSIDE FIRST-ON-HOST COUNT",
     .example = "u 0 100000 65536",
     .initial = "none: no user namespace",
     .documentation =
         "One line of the user (u) or group (g) id map. The first line of any gives the container a user namespace."},
    {.name = "lxc.uts.name",
     .codec = checked_text<check_host_name, &Conf::uts_name>(),
     .syntax = "NAME",
     .example = "web1",
     .initial = "the container's name",
     .documentation = "The host name inside, at most 64 characters."},
    {.name = "lxc.time.offset.boot",
     .codec = offset<&Conf::time_offset_boot_ns>(),
     .syntax = "[-]NUMBER(h|m|s|ms|us|ns)",
     .example = "36h",
     .initial = "0ns",
     .since = "4.0",
     .documentation = "The distance of the boot-time clock inside from the host's. Needs time in lxc.namespace.clone."},
    {.name = "lxc.time.offset.monotonic",
     .codec = offset<&Conf::time_offset_monotonic_ns>(),
     .syntax = "[-]NUMBER(h|m|s|ms|us|ns)",
     .example = "-1500ms",
     .initial = "0ns",
     .since = "4.0",
     .documentation = "The distance of the monotonic clock inside from the host's. Needs time in lxc.namespace.clone."},
};

}  // namespace

std::span<const Key> namespace_keys() { return kKeys; }

}  // namespace berth::config
