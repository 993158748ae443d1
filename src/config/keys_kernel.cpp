// Runs in: the command or library caller that reads configuration.
#include <sys/personality.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>

#include "config/codecs.hpp"
#include "config/key_sections.hpp"
#include "config/pair_codec.hpp"

namespace berth::config {
namespace {

constexpr std::array<std::string_view, 16> kArch32 = {"arm",  "armel",   "armhf", "armv7l", "athlon", "i386",    "i486", "i586",
                                                      "i686", "linux32", "mips",  "mipsel", "ppc",    "powerpc", "x32",  "x86"};
constexpr std::array<std::string_view, 15> kArch64 = {"aarch64", "amd64",     "arm64",    "linux64", "loongarch64",
                                                      "loong64", "mips64",    "mips64el", "ppc64",   "ppc64el",
                                                      "ppc64le", "powerpc64", "riscv64",  "s390x",   "x86_64"};

Status set_arch(Conf& conf, const Assignment& assignment) {
  if (std::ranges::find(kArch32, assignment.value) != kArch32.end()) {
    conf.personality = PER_LINUX32;
  } else if (std::ranges::find(kArch64, assignment.value) != kArch64.end()) {
    conf.personality = PER_LINUX;
  } else {
    std::string names;
    for (const std::string_view name : kArch32) names += strings::cat(name, " ");
    for (const std::string_view name : kArch64) names += strings::cat(name, " ");
    return fail(bad_value(assignment, "an architecture").hint(strings::cat("one of ", strings::trim(names))));
  }
  return {};
}

Status get_arch(const Conf& conf, const KeyRef&, TextWriter& out) {
  if (conf.personality) out.add(*conf.personality == PER_LINUX32 ? "i686" : "x86_64");
  return {};
}

struct LimitName {
  std::string_view name;
  int resource;
};
constexpr std::array kLimits = std::to_array<LimitName>({
    {"as", RLIMIT_AS},
    {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
    {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
});

std::optional<int> limit_number(std::string_view name) {
  const auto found = std::ranges::find(kLimits, name, &LimitName::name);
  return found == kLimits.end() ? std::nullopt : std::optional(found->resource);
}

std::string_view limit_name(int resource) {
  const auto found = std::ranges::find(kLimits, resource, &LimitName::resource);
  return found == kLimits.end() ? std::string_view{} : found->name;
}

constexpr std::uint64_t kUnlimited = RLIM_INFINITY;

std::optional<std::uint64_t> parse_limit(std::string_view text) {
  if (text == "unlimited") return kUnlimited;
  return strings::parse_number<std::uint64_t>(text);
}

void write_limit(TextWriter& out, std::uint64_t value) {
  if (value == kUnlimited)
    out.add("unlimited");
  else
    out.add(value);
}

void write_limits(TextWriter& out, const LimitValue& value) {
  write_limit(out, value.soft);
  if (value.soft == value.hard) return;
  out.add(':');
  write_limit(out, value.hard);
}

Status check_resource(const KeyRef& ref) {
  if (limit_number(ref.sub)) return {};
  std::string names;
  for (const LimitName& known : kLimits) names += strings::cat(known.name, " ");
  return fail(Error::message(strings::cat("unknown resource \"", ref.sub, "\" in ", ref.name))
                  .hint(strings::cat("one of ", strings::trim(names))));
}

Status set_limit(Conf& conf, const Assignment& assignment) {
  TRY(check_resource(assignment.ref));
  const auto resource = limit_number(assignment.ref.sub);
  const std::size_t colon = assignment.value.find(':');
  const auto soft = parse_limit(strings::trim(assignment.value.substr(0, colon)));
  const auto hard = colon == std::string_view::npos ? soft : parse_limit(strings::trim(assignment.value.substr(colon + 1)));
  if (!soft || !hard) return fail(bad_value(assignment, "SOFT[:HARD], each a number or unlimited"));
  if (*soft > *hard) return fail(bad_value(assignment, "a soft limit not above the hard one"));
  Sourced<std::pair<int, LimitValue>> item{{*resource, {*soft, *hard}}, assignment.origin};
  const auto same = std::ranges::find(conf.limits, *resource, [](const auto& known) { return known.value.first; });
  if (same != conf.limits.end())
    *same = std::move(item);
  else
    conf.limits.push_back(std::move(item));
  return {};
}

Status get_limit(const Conf& conf, const KeyRef& ref, TextWriter& out) {
  for (const auto& [item, origin] : conf.limits) {
    const std::string_view name = limit_name(item.first);
    if (!ref.sub.empty() && ref.sub != name) continue;
    if (ref.sub.empty()) out.add("lxc.prlimit.", name, " = ");
    write_limits(out, item.second);
    if (ref.sub.empty()) out.add('\n');
  }
  return {};
}

void clear_limit(Conf& conf, const KeyRef& ref) {
  std::erase_if(conf.limits, [&](const auto& item) { return ref.sub.empty() || ref.sub == limit_name(item.value.first); });
}

// The name becomes a path below /proc/PID.
Status check_proc_file(const Assignment& assignment) {
  for (const std::string_view part : strings::split(assignment.ref.sub, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return fail(bad_value(assignment, "a file name of /proc/PID", assignment.ref.sub));
    }
  }
  return {};
}

// The name becomes a path below /proc/sys, its dots slashes.
Status check_sysctl(const Assignment& assignment) {
  for (const std::string_view part : strings::split_words(assignment.ref.sub, "./")) {
    if (strings::split_words(part).size() != 1) return fail(bad_value(assignment, "a kernel parameter name", assignment.ref.sub));
  }
  if (assignment.ref.sub.front() == '/') return fail(bad_value(assignment, "a kernel parameter name", assignment.ref.sub));
  return {};
}

constexpr Key kKeys[] = {
    {.name = "lxc.arch",
     .codec = {set_arch, get_arch, detail::reset<&Conf::personality>},
     .syntax = "ARCHITECTURE",
     .example = "x86_64",
     .initial = "the host's",
     .documentation =
         "The architecture that uname reports inside. All names mean one of two personalities: that of a 32-bit system "
         "(i686, armhf, linux32, ...) or of a 64-bit one (x86_64, amd64, arm64, linux64, ...)."},
    {.name = "lxc.prlimit",
     .flags = kList | kPrefix,
     .codec = {set_limit, get_limit, clear_limit, check_resource},
     .syntax = "lxc.prlimit.RESOURCE = SOFT[:HARD]",
     .example = "nofile = 1024:4096",
     .initial = "inherited",
     .documentation = "A resource limit of init: as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, "
                      "rtprio, rttime, sigpending or stack. Numbers or unlimited; one value sets both."},
    {.name = "lxc.sysctl",
     .flags = kList | kPrefix,
     .codec = pair_list<PairRule::kReplace, check_sysctl, &Conf::sysctls>(),
     .syntax = "lxc.sysctl.NAME = VALUE",
     .example = "net.ipv4.ip_forward = 1",
     .initial = "none",
     .documentation =
         "A kernel parameter that is set in the container's namespaces. Parameters without a namespace change the host."},
    {.name = "lxc.proc",
     .flags = kList | kPrefix,
     .codec = pair_list<PairRule::kReplace, check_proc_file, &Conf::proc>(),
     .syntax = "lxc.proc.FILE = VALUE",
     .example = "oom_score_adj = 10",
     .initial = "none",
     .documentation = "A value that is written to FILE in init's directory of /proc."},
    {.name = "lxc.sched.core",
     .codec = flag<&Conf::core_scheduling>(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .since = "5.0",
     .documentation = "1 gives the container a core-scheduling cookie of its own: its tasks never share a core with others'."},
};

}  // namespace

std::span<const Key> kernel_keys() { return kKeys; }

}  // namespace berth::config
