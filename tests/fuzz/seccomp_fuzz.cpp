// Seccomp policies, and compiled filters as they are kept.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "security/seccomp_filter.hpp"
#include "security/seccomp_policy.hpp"

namespace {

using namespace berth::security;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_rule(const Policy& policy, const Rule& rule) {
  require(rule.line > 2 && (policy.version == 1 ? rule.number >= 0 && rule.name.empty() : !rule.name.empty()));
  require(rule.action.code <= 4095 && rule.conditions.size() <= 6);
  for (const Condition& condition : rule.conditions) require(condition.index < 6);
  require(!action_words(rule.action).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto policy = parse_policy(text, "fuzz");
  const auto problems = check_policy(text, "fuzz");
  require(policy.has_value() == problems.empty());
  if (policy) {
    for (const Rule& rule : policy->rules) check_rule(*policy, rule);
    (void)can_hand_over_listener(*policy);
    require(!describe(*policy).empty());
  } else {
    require(policy.error().line() == problems.front().line());
    for (const auto& problem : problems) require(problem.line().starts_with("fuzz:"));
  }
  CompiledFilter filter;
  if (decode_filter(text, filter)) require(filter.instructions() > 0 && filter.program.size() % 8 == 0);
  return 0;
}
