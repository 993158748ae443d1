// From a policy to a BPF program, by libseccomp.
#pragma once

#include <string>

#include "security/seccomp_filter.hpp"
#include "security/seccomp_policy.hpp"

namespace berth::security {

// `file` is the policy's name, for messages.
Result<CompiledFilter> compile(const Policy& policy, const std::string& file);

}  // namespace berth::security
