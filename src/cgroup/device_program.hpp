// Device rules for hosts without the v1 devices controller: a list of rules becomes a program of type
// BPF_PROG_TYPE_CGROUP_DEVICE that allows and denies what the v1 controller would.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"

namespace berth::cgroup {

struct DeviceRule {
  bool allow = false;
  bool all = false;  // "a": forgets the rules before it
  bool block = false;
  std::optional<std::uint32_t> major, minor;  // nothing = any
  std::uint32_t access = 0;                   // bits of BPF_DEVCG_ACC_*
};

// The text of devices.allow or devices.deny: "a", "c 1:3 rwm", "b *:* m".
Result<DeviceRule> parse_device_rule(bool allow, std::string_view text);
// The same text again, as the kernel's v1 files take it.
std::string rule_text(const DeviceRule& rule);

// What the rules come to, in order, as documented for the kernel's v1 controller: a default and the exceptions to it. A rule
// that agrees with the default takes exceptions for the same numbers back, one that does not adds to them.
struct DevicePolicy {
  bool allow = false;
  std::vector<DeviceRule> exceptions;
};
DevicePolicy device_policy(bool allow, const std::vector<DeviceRule>& rules);
// One more rule, behind the others.
void add_rule(DevicePolicy& policy, const DeviceRule& rule);
// Those of the accesses of `rule`, which is not for all devices, that it changes for its numbers: 0 = the policy has it already.
// The opposite rule with these accesses takes it back.
std::uint32_t changed_accesses(const DevicePolicy& policy, const DeviceRule& rule);

// Empty when everything is allowed: then no program is needed. Where the default is to deny, one exception must cover an
// access whole; where it is to allow, an exception that touches it denies it whole.
std::vector<bpf_insn> compile_device_policy(const DevicePolicy& policy);

// 16 hexadecimal digits an instruction, as the plan carries it.
std::string program_text(const std::vector<bpf_insn>& program);

}  // namespace berth::cgroup
