// LXC's seccomp policy files, version 1 (numbers of allowed system calls) and 2 (rules by name), as data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::security {

enum class Verdict : std::uint8_t { kAllow, kErrno, kKillThread, kKillProcess, kTrap, kLog, kNotify };

struct Action {
  Verdict verdict = Verdict::kAllow;
  std::uint16_t code = 0;  // of kErrno
  bool operator==(const Action&) const = default;
};

enum class Comparison : std::uint8_t { kNotEqual, kLess, kLessOrEqual, kEqual, kGreaterOrEqual, kGreater, kMaskedEqual };

// A condition on an argument of the call; the value of kMaskedEqual is compared with the bits of `mask` only.
struct Condition {
  unsigned index = 0;  // 0 to 5
  Comparison comparison = Comparison::kEqual;
  std::uint64_t value = 0, mask = 0;
};

struct Rule {
  std::string name;  // of the system call; empty in version 1
  int number = -1;   // version 1
  Action action;
  std::vector<Condition> conditions;  // all must hold
  unsigned line = 0;
};

struct Policy {
  int version = 2;
  Action otherwise;  // for calls that no rule names
  std::vector<Rule> rules;
};

// Sections of architectures that this host can't run are checked and left out. A section of one that it can run does not restrict
// its rules to that one: they are in force for every architecture of the host, as with LXC. The first problem is the Error; its
// text begins with "FILE:LINE:COLUMN: ".
Result<Policy> parse_policy(std::string_view text, std::string_view file);
// All problems.
std::vector<Error> check_policy(std::string_view text, std::string_view file);

bool uses_notify(const Policy& policy);
// The listener travels by sendmsg(2), under the filter already: false where it may not pass.
bool can_hand_over_listener(const Policy& policy);

// "errno 1", "kill": the words of a policy file.
std::string action_words(const Action& action);
// "system calls: allow, but for 5 rules"
std::string describe(const Policy& policy);

}  // namespace berth::security
