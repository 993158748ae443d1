// Runs in: the starting command.
// Confinement that a configuration asks for and that can't be enforced yet is refused, never dropped in silence.
#include "base/strings.hpp"
#include "plan/builder.hpp"
#include "sys/file.hpp"

namespace berth::plan {
namespace {

Status refuse_key(const Builder& builder, std::string_view key, const std::string& value, std::string_view what) {
  if (value.empty()) return {};
  return fail(Error::message(strings::cat(what, " is not supported yet"))
                  .set_by(builder.origin(key))
                  .hint(strings::cat("to start without it, add a later line: ", key, " =")));
}

bool apparmor_enabled() {
  const auto text = sys::read_file("/sys/module/apparmor/parameters/enabled");
  return text && text->starts_with('Y');
}

bool selinux_enabled() { return sys::exists("/sys/fs/selinux/enforce"); }

}  // namespace

Status check_confinement(const Builder& builder) {
  const config::SecurityConf& security = builder.conf().security;
  TRY(refuse_key(builder, "lxc.seccomp.profile", security.seccomp_profile, "seccomp filtering"));
  const std::string& profile = security.apparmor_profile;
  // A kernel without the module can't confine: LXC starts such containers too.
  if (profile != "unconfined" && profile != "unchanged" && apparmor_enabled()) {
    TRY(refuse_key(builder, "lxc.apparmor.profile", profile, "AppArmor confinement"));
  }
  if (selinux_enabled()) TRY(refuse_key(builder, "lxc.selinux.context", security.selinux_context, "SELinux confinement"));
  return {};
}

}  // namespace berth::plan
