// Why a step is refused and what to do about it: one table keyed by step, call and errno, with probes that look at the
// file system after the failure where the errno alone does not tell.
#pragma once

#include <string>

#include "plan/plan.hpp"

namespace berth::plan {

struct Explanation {
  std::string because;
  std::string hint;
};

// Empty parts where the table knows nothing.
Explanation look_up(const Plan& plan, const PlannedStep& step, const child::Failure& failure);

// Why the kernel refused a request of a network; `step` is a kNetlink one.
Explanation explain_network(const PlannedStep& step, const child::Failure& failure);

// Why the program at `path` could not be executed below `root` (empty: the host's root).
Explanation examine_program(const std::string& root, const std::string& path, int code);

}  // namespace berth::plan
