// Runs in: the starting or attaching command.
#include "runtime/seccomp.hpp"

#include "runtime/programs.hpp"

namespace berth::runtime {

Result<security::CompiledFilter> filter_of(const std::string& profile) {
  return security::compile_policy_file(profile, TRY(find_helper("berth-seccomp")));
}

Result<SeccompChoice> choose_filter(const config::Conf& conf) {
  SeccompChoice choice;
  const config::SecurityConf& security = conf.security;
  if (security.seccomp_profile.empty()) return choice;
  if (!security.seccomp_allow_nesting && security::is_filtered()) {
    choice.warnings.emplace_back(
        "lxc.seccomp.profile is not loaded, because the caller is under a seccomp filter already; lxc.seccomp.allow_nesting = 1 "
        "loads it too");
    return choice;
  }
  auto filter = filter_of(security.seccomp_profile);
  if (!filter) return fail(std::move(filter.error()).set_by(conf.origin("lxc.seccomp.profile")));
  choice.warnings = filter->warnings;
  choice.filter = std::move(*filter);
  return choice;
}

}  // namespace berth::runtime
