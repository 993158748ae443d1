// Runs in: the starting command.
// What a configuration asks for and berth can't do yet is refused, or told where it only weakens a default; never dropped in
// silence.
#include <cerrno>

#include "base/strings.hpp"
#include "plan/builder.hpp"
#include "sys/file.hpp"

namespace berth::plan {
namespace {

Status refuse_key(const Builder& builder, std::string_view key, const std::string& value, std::string_view what) {
  if (value.empty()) return {};
  return fail(Error::message(strings::cat(what, " is not supported yet"), ENOTSUP)
                  .set_by(builder.origin(key))
                  .hint(strings::cat("to start without it, add a later line: ", key, " =")));
}

bool apparmor_enabled() {
  const auto text = sys::read_file("/sys/module/apparmor/parameters/enabled");
  return text && text->starts_with('Y');
}

void warn(Builder& builder, std::string_view text) { builder.plan.settings.warnings.emplace_back(text); }

void warn_of_defaults(Builder& builder) {
  const config::Conf& conf = builder.conf();
  if (conf.security.apparmor_profile.empty() && apparmor_enabled()) {
    warn(builder, "AppArmor is on, and confining containers by it is not supported yet: this one runs unconfined");
  }
}

bool selinux_enabled() { return sys::exists("/sys/fs/selinux/enforce"); }

}  // namespace

Status check_confinement(Builder& builder) {
  const config::SecurityConf& security = builder.conf().security;
  const std::string& profile = security.apparmor_profile;
  // A kernel without the module can't confine: LXC starts such containers too.
  if (profile != "unconfined" && profile != "unchanged" && apparmor_enabled()) {
    TRY(refuse_key(builder, "lxc.apparmor.profile", profile, "AppArmor confinement"));
  }
  if (selinux_enabled()) {
    TRY(refuse_key(builder, "lxc.selinux.context", security.selinux_context, "SELinux confinement"));
    TRY(refuse_key(builder, "lxc.selinux.context.keyring", security.selinux_keyring_context, "SELinux labelling of keyrings"));
  }
  if (!builder.conf().init.groups.empty() && builder.user_namespace && !builder.inputs.privileged) {
    TRY(refuse_key(builder, "lxc.init.groups", "set", "setting groups without privilege"));
  }
  warn_of_defaults(builder);
  return {};
}

PlannedStep& describe_seccomp(PlannedStep& step, const security::CompiledFilter& filter) {
  step.doing = strings::cat("loading the seccomp filter of ", filter.policy, " (", filter.description, "; ",
                            filter.instructions(), " instructions", filter.notifies ? "; with a listener)" : ")");
  step.block = filter.program;
  step.text[0] = filter.policy;
  step.num[0] = filter.notifies ? 1 : 0;
  return step;
}

void plan_seccomp(Builder& builder) {
  if (!builder.inputs.seccomp) return;
  PlannedStep& step = builder.inside(child::Op::kSeccompFilter, {});
  describe_seccomp(step, *builder.inputs.seccomp).origin = builder.origin("lxc.seccomp.profile");
}

}  // namespace berth::plan
