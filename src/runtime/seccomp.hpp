// The seccomp filter of a container: from its configuration to what a plan loads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/conf.hpp"
#include "security/seccomp_filter.hpp"

namespace berth::runtime {

struct SeccompChoice {
  std::optional<security::CompiledFilter> filter;
  std::vector<std::string> warnings;
};

// What a start shall load: nothing without lxc.seccomp.profile, and nothing, with a warning, below another filter unless
// lxc.seccomp.allow_nesting is set.
Result<SeccompChoice> choose_filter(const config::Conf& conf);

// The filter of one policy file.
Result<security::CompiledFilter> filter_of(const std::string& profile);

}  // namespace berth::runtime
