// Runs in: the command or library caller that reads configuration.
#include <array>

#include "config/codecs.hpp"
#include "config/key_sections.hpp"
#include "config/mount_entry.hpp"

namespace berth::config {
namespace {

struct ModeName {
  std::string_view name;
  AutoMode mode;
};
constexpr std::array kModes =
    std::to_array<ModeName>({{"ro", AutoMode::kReadOnly}, {"mixed", AutoMode::kMixed}, {"rw", AutoMode::kReadWrite}});

std::optional<AutoMode> mode_named(std::string_view name) {
  for (const ModeName& mode : kModes) {
    if (mode.name == name) return mode.mode;
  }
  return std::nullopt;
}

std::string_view name_of(AutoMode mode) {
  for (const ModeName& known : kModes) {
    if (known.mode == mode) return known.name;
  }
  return {};
}

// A later cgroup token replaces an earlier one of any form: all of them fill /sys/fs/cgroup.
void reset_cgroup(AutoMounts& mounts) {
  mounts.cgroup = AutoMode::kNone;
  mounts.cgroup_default = mounts.cgroup_full = mounts.cgroup_force = false;
  mounts.cgroup2 = mounts.cgroup2_read_only = false;
}

// `rest` holds what follows "cgroup" or "cgroup-full": [:MODE][:force].
bool set_cgroup(AutoMounts& mounts, std::string_view rest, bool full) {
  AutoMounts changed = mounts;
  reset_cgroup(changed);
  changed.cgroup_full = full;
  changed.cgroup_force = rest.ends_with(":force");
  if (changed.cgroup_force) rest.remove_suffix(6);
  changed.cgroup_default = rest.empty();
  const auto mode = rest.empty() ? AutoMode::kMixed : mode_named(rest.substr(1));
  if (!mode) return false;
  changed.cgroup = *mode;
  mounts = changed;
  return true;
}

bool set_cgroup2(AutoMounts& mounts, std::string_view rest) {
  const bool read_only = rest.starts_with(":ro");
  if (read_only) rest.remove_prefix(3);
  if (!rest.empty() && rest != ":force") return false;
  reset_cgroup(mounts);
  mounts.cgroup2 = mounts.cgroup_force = true;
  mounts.cgroup2_read_only = read_only;
  return true;
}

bool set_shared_mounts(AutoMounts& mounts, std::string_view rest) {
  if (rest.size() < 2 || rest.front() != ':') return false;
  rest.remove_prefix(1);
  const std::size_t colon = rest.find(':');
  const std::string_view container = colon == std::string_view::npos ? "/dev/.lxc-mounts" : rest.substr(colon + 1);
  const std::string_view host = rest.substr(0, colon);
  if (!host.starts_with('/') || !container.starts_with('/')) return false;
  mounts.shmounts_host = host;
  mounts.shmounts_container = container;
  return true;
}

bool set_token(AutoMounts& mounts, std::string_view token) {
  const std::size_t colon = std::min(token.find(':'), token.size());
  const std::string_view family = token.substr(0, colon), rest = token.substr(colon);
  if (family == "cgroup" || family == "cgroup-full") return set_cgroup(mounts, rest, family != "cgroup");
  if (family == "cgroup2") return set_cgroup2(mounts, rest);
  if (family == "shmounts") return set_shared_mounts(mounts, rest);
  if (family != "proc" && family != "sys") return false;
  const auto mode = rest.empty() ? AutoMode::kMixed : mode_named(rest.substr(1));
  if (!mode || (family == "proc" && *mode == AutoMode::kReadOnly)) return false;
  (family == "proc" ? mounts.proc : mounts.sys) = *mode;
  return true;
}

Status set_auto(Conf& conf, const Assignment& assignment) {
  AutoMounts mounts = conf.mounts.automatic;
  for (const std::string_view token : strings::split_words(assignment.value)) {
    if (set_token(mounts, token)) continue;
    return fail(bad_value(assignment,
                          "proc[:mixed|rw], sys[:ro|mixed|rw], cgroup[-full][:ro|mixed|rw][:force], cgroup2[:ro][:force] or "
                          "shmounts:HOSTPATH[:CONTAINERPATH]",
                          token));
  }
  conf.mounts.automatic = mounts;
  return {};
}

void add_token(TextWriter& out, std::string_view family, std::string_view mode) {
  out.add(out.empty() ? "" : " ", family, mode.empty() ? "" : ":", mode);
}

// LXC's form, extended by what LXC leaves out: force, cgroup2 and shmounts. It can be set again.
Status get_auto(const Conf& conf, const KeyRef&, TextWriter& out) {
  const AutoMounts& mounts = conf.mounts.automatic;
  if (mounts.proc != AutoMode::kNone) add_token(out, "proc", name_of(mounts.proc));
  if (mounts.sys != AutoMode::kNone) add_token(out, "sys", name_of(mounts.sys));
  if (mounts.cgroup != AutoMode::kNone) {
    add_token(out, mounts.cgroup_full ? "cgroup-full" : "cgroup", mounts.cgroup_default ? "" : name_of(mounts.cgroup));
    if (mounts.cgroup_force) out.add(":force");
  }
  if (mounts.cgroup2) add_token(out, "cgroup2", mounts.cgroup2_read_only ? "ro" : "");
  if (!mounts.shmounts_host.empty()) {
    add_token(out, "shmounts", mounts.shmounts_host);
    out.add(':', mounts.shmounts_container);
  }
  return {};
}

Status add_entry(Conf& conf, const Assignment& assignment) {
  auto entry = parse_mount_entry(assignment.value);
  if (!entry) {
    Error error = bad_value(assignment, strings::cat("a mount line (", entry.error().line(), ")"));
    return fail(std::move(error).hint(entry.error().hint()));
  }
  conf.mounts.entries.push_back({std::string(assignment.value), assignment.origin});
  return {};
}

constexpr Codec entry_codec() {
  Codec codec = text_list<&Conf::mounts, &MountConf::entries>();
  codec.set = add_entry;
  return codec;
}

constexpr Key kKeys[] = {
    {.name = "lxc.mount.auto",
     .flags = kList,
     .codec = {set_auto, get_auto, detail::reset<&Conf::mounts, &MountConf::automatic>},
     .syntax = "TOKEN [TOKEN...]",
     .example = "proc:mixed sys:ro cgroup:mixed:force",
     .initial = "none",
     .documentation =
         "Standard kernel file systems to mount. proc, proc:mixed: /proc with /proc/sys and sysrq-trigger read-only; proc:rw: "
         "all "
         "writable. sys, sys:mixed: /sys read-only but /sys/devices/virtual/net; sys:ro: read-only; sys:rw: writable. "
         "cgroup[:ro|:mixed|:rw]: the container's own control groups below /sys/fs/cgroup; cgroup-full: the whole hierarchies; "
         ":force also where the container could mount them itself. cgroup2[:ro]: the unified hierarchy. "
         "shmounts:HOSTPATH[:CONTAINERPATH]: a directory of this container alone through which mounts can be "
         "passed in later (default /dev/.lxc-mounts). "
         "Later tokens of a family replace earlier ones; other families stay."},
    {.name = "lxc.mount.entry",
     .flags = kList,
     .codec = entry_codec(),
     .syntax = "SOURCE TARGET TYPE [OPTIONS [DUMP [PASS]]]",
     .example = "/srv/data srv/data none bind,create=dir 0 0",
     .initial = "none",
     .documentation =
         "One mount as a line of fstab(5). TARGET is relative to the container's root. Options beyond those of mount(8): "
         "optional (a failure does not end the start), create=dir and create=file (make a missing target), relative (SOURCE is "
         "below the container's root), idmap=container or idmap=PATH, and the propagation modes [r]private, [r]shared, [r]slave, "
         "[r]unbindable. Write a blank in a path as \\040."},
    {.name = "lxc.mount.fstab",
     .codec = path<nullptr, &Conf::mounts, &MountConf::fstab>(),
     .syntax = "PATH",
     .example = "/var/lib/lxc/web1/fstab",
     .initial = "none",
     .documentation = "A file of mount lines as lxc.mount.entry takes them. They are mounted before the entries."},
};

}  // namespace

std::span<const Key> mount_keys() { return kKeys; }

}  // namespace berth::config
