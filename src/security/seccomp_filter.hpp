// The kernel's form of a seccomp policy: made by the program berth-seccomp, which alone knows libseccomp, and kept in the run
// directory for the next start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::security {

struct CompiledFilter {
  std::string program;  // an array of struct sock_filter
  bool notifies = false;
  std::vector<std::string> warnings;  // one line each: system calls that this architecture does not have
  std::string description;            // the policy in words
  std::string policy;                 // the file

  [[nodiscard]] std::size_t instructions() const;
};

// What berth-seccomp prints, and what is kept.
std::string encode_filter(const CompiledFilter& filter);
// Nothing when the text is none, or is not whole. `description` and `policy` are not part of it.
bool decode_filter(std::string_view text, CompiledFilter& filter);

// The filter of a policy file. `compiler` is the path of berth-seccomp.
Result<CompiledFilter> compile_policy_file(const std::string& file, const std::string& compiler);

// The filters that this process is under already count: LXC loads no second one unless lxc.seccomp.allow_nesting says so.
bool is_filtered();

}  // namespace berth::security
