// The device rules of the running container, and their changes while it runs.
#pragma once

#include <cstdint>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "cgroup/device_program.hpp"
#include "child/blob.hpp"
#include "runtime/command_protocol.hpp"

namespace berth::monitor {

// The rule that a client of LXC's command add_bpf_device_cgroup sent; every field is checked.
Result<cgroup::DeviceRule> parse_device_request(const runtime::DeviceRuleRequest& request);

class DeviceRules {
 public:
  // `program`: the descriptor of the program that the plan has attached, empty = none. Changes replace it.
  DeviceRules(const child::BlobView& blob, Fd& program);
  // The container starts: the rules are those of its configuration again.
  void begin();
  // Adds a rule behind the others: by the files of a v1 devices hierarchy, else by a new program for the unified group. What it
  // changes, as cgroup::changed_accesses gives it. EOPNOTSUPP when the container is in neither.
  Result<std::uint32_t> add(const cgroup::DeviceRule& rule);

 private:
  Status apply(const cgroup::DevicePolicy& policy);

  const child::BlobView& blob_;
  Fd& program_;
  cgroup::DevicePolicy policy_;  // what all rules up to now come to
};

}  // namespace berth::monitor
