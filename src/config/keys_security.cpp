// Runs in: the command or library caller that reads configuration.
#include "config/capability_names.hpp"
#include "config/codecs.hpp"
#include "config/key_sections.hpp"

namespace berth::config {
namespace {

// Where a list was set, for the message of the key that excludes it.
Origin first_origin(const std::vector<SourcedText>& list) { return list.empty() ? Origin{} : list.front().origin; }

Status check_capability(const Assignment& assignment, std::string_view name) {
  if (capability_number(name)) return {};
  Error error = bad_value(assignment, "capabilities in lower case without \"CAP_\", or their numbers", name);
  std::string lower{name};
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::string_view bare = lower.starts_with("cap_") ? std::string_view(lower).substr(4) : std::string_view(lower);
  if (const auto near = strings::nearest(bare, kCapabilityNames)) {
    error = std::move(error).hint(strings::cat("did you mean \"", *near, "\"?"));
  }
  return fail(std::move(error));
}

Status add_drop(Conf& conf, const Assignment& assignment) {
  CapabilityConf& capabilities = conf.capabilities;
  if (capabilities.keep_none || !capabilities.keep.empty()) {
    return fail(excluded_by(assignment, "lxc.cap.keep", first_origin(capabilities.keep)));
  }
  const auto words = strings::split_words(assignment.value);
  for (const std::string_view word : words) TRY(check_capability(assignment, word));
  for (const std::string_view word : words) capabilities.drop.push_back({std::string(word), assignment.origin});
  return {};
}

// "none" empties the list, wherever it stands; names after it start a new one.
Status add_keep(Conf& conf, const Assignment& assignment) {
  CapabilityConf& capabilities = conf.capabilities;
  if (!capabilities.drop.empty()) return fail(excluded_by(assignment, "lxc.cap.drop", first_origin(capabilities.drop)));
  const auto words = strings::split_words(assignment.value);
  for (const std::string_view word : words) {
    if (word != "none") TRY(check_capability(assignment, word));
  }
  for (const std::string_view word : words) {
    capabilities.keep_none = word == "none";
    if (capabilities.keep_none)
      capabilities.keep.clear();
    else
      capabilities.keep.push_back({std::string(word), assignment.origin});
  }
  return {};
}

Status get_keep(const Conf& conf, const KeyRef& ref, TextWriter& out) {
  if (conf.capabilities.keep_none) out.add("none\n");
  return detail::get_lines<&Conf::capabilities, &CapabilityConf::keep>(conf, ref, out);
}

// The two are one list in LXC: clearing either clears both, and files rely on it.
constexpr auto kClearBoth = detail::reset<&Conf::capabilities>;

Status check_proxy(const Assignment& assignment) {
  const std::string_view value = assignment.value;
  if ((value.starts_with("unix:/") || value.starts_with("unix:@")) && value.size() > 6) return {};
  return fail(bad_value(assignment, "unix:/ABSOLUTE/PATH or unix:@NAME"));
}

// The manual's meaning: 0 = keep the caller's keyring, 1 = a new one. (LXC's code has it the other way round.)
Status set_keyring(Conf& conf, const Assignment& assignment) {
  conf.security.disable_session_keyring = !TRY(parse_flag(assignment));
  return {};
}

Status get_keyring(const Conf& conf, const KeyRef&, TextWriter& out) {
  out.add(conf.security.disable_session_keyring ? '0' : '1');
  return {};
}

Status add_raw(Conf& conf, const Assignment& assignment) {
  conf.security.apparmor_raw.emplace_back(assignment.value);
  return {};
}

constexpr Codec raw_codec() {
  return {add_raw, detail::get_lines<&Conf::security, &SecurityConf::apparmor_raw>,
          detail::reset<&Conf::security, &SecurityConf::apparmor_raw>};
}

template <auto Member>
constexpr Codec secure_text() {
  return text<&Conf::security, Member>();
}
template <auto Member>
constexpr Codec secure_flag() {
  return flag<&Conf::security, Member>();
}

constexpr Key kKeys[] = {
    {.name = "lxc.cap.drop",
     .flags = kList,
     .codec = {add_drop, detail::get_lines<&Conf::capabilities, &CapabilityConf::drop>, kClearBoth},
     .syntax = "CAPABILITY [CAPABILITY...]",
     .example = "sys_module sys_time",
     .initial = "none",
     .documentation =
         "Capabilities that the container cannot have, as in capabilities(7) but in lower case and without CAP_, or by "
         "number. Excludes lxc.cap.keep; an empty value clears both keys."},
    {.name = "lxc.cap.keep",
     .flags = kList,
     .codec = {add_keep, get_keep, kClearBoth},
     .syntax = "none|CAPABILITY [CAPABILITY...]",
     .example = "chown setuid",
     .initial = "all",
     .documentation =
         "The only capabilities that the container can have. none empties the list; alone it drops every capability. "
         "Excludes lxc.cap.drop; an empty value clears both keys."},
    {.name = "lxc.no_new_privs",
     .codec = secure_flag<&SecurityConf::no_new_privs>(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .documentation = "1 sets the no_new_privs bit: set-user-id programs and file capabilities give nothing inside."},
    {.name = "lxc.keyring.session",
     .codec = {set_keyring, get_keyring, detail::reset<&Conf::security, &SecurityConf::disable_session_keyring>},
     .syntax = "0|1",
     .example = "0",
     .initial = "1",
     .since = "4.0",
     .documentation = "1 gives the container a session keyring of its own; 0 lets it inherit the caller's."},
    {.name = "lxc.apparmor.profile",
     .codec = secure_text<&SecurityConf::apparmor_profile>(),
     .syntax = "PROFILE|unconfined|unchanged|generated",
     .example = "unconfined",
     .initial = "lxc-container-default-cgns",
     .documentation =
         "The AppArmor profile of init. unconfined: none; unchanged: the caller's own, for nesting; generated: one that "
         "is written for this container."},
    {.name = "lxc.apparmor.allow_incomplete",
     .codec = secure_flag<&SecurityConf::apparmor_allow_incomplete>(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .documentation = "1 starts the container although the kernel's AppArmor does not mediate mounts."},
    {.name = "lxc.apparmor.allow_nesting",
     .codec = secure_flag<&SecurityConf::apparmor_allow_nesting>(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .since = "3.1",
     .documentation = "1 lets a generated profile allow containers inside the container."},
    {.name = "lxc.apparmor.raw",
     .flags = kList,
     .codec = raw_codec(),
     .syntax = "RULE",
     .example = "deny /proc/kcore r,",
     .initial = "none",
     .since = "3.1",
     .documentation = "A rule that is added to a generated profile, one a line."},
    {.name = "lxc.selinux.context",
     .codec = secure_text<&SecurityConf::selinux_context>(),
     .syntax = "CONTEXT",
     .example = "system_u:system_r:lxc_t:s0:c22",
     .initial = "the policy's choice",
     .documentation = "The SELinux context of init."},
    {.name = "lxc.selinux.context.keyring",
     .codec = secure_text<&SecurityConf::selinux_keyring_context>(),
     .syntax = "CONTEXT",
     .example = "system_u:system_r:lxc_t:s0:c22",
     .initial = "lxc.selinux.context, else the caller's",
     .since = "4.0",
     .documentation = "The SELinux context in which the session keyring is made."},
    {.name = "lxc.seccomp.profile",
     .codec = path<nullptr, &Conf::security, &SecurityConf::seccomp_profile>(),
     .syntax = "PATH",
     .example = "/usr/share/lxc/config/common.seccomp",
     .initial = "none",
     .documentation = "A file with the system calls that the container may or may not make."},
    {.name = "lxc.seccomp.allow_nesting",
     .codec = secure_flag<&SecurityConf::seccomp_allow_nesting>(),
     .syntax = "0|1",
     .example = "1",
     .initial = "0",
     .since = "4.0",
     .documentation = "1 loads the profile also when the caller is already under a filter."},
    {.name = "lxc.seccomp.notify.proxy",
     .codec = checked_text<check_proxy, &Conf::security, &SecurityConf::seccomp_notify_proxy>(),
     .syntax = "unix:PATH|unix:@NAME",
     .example = "unix:/run/proxy.sock",
     .initial = "none",
     .since = "3.2",
     .documentation = "The socket of the program that decides about system calls with the action notify."},
    {.name = "lxc.seccomp.notify.cookie",
     .codec = secure_text<&SecurityConf::seccomp_notify_cookie>(),
     .syntax = "TEXT",
     .example = "web1",
     .initial = "none",
     .since = "4.0",
     .documentation = "A text that is sent with each message to that program."},
};

}  // namespace

std::span<const Key> security_keys() { return kKeys; }

}  // namespace berth::config
