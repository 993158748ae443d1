// Runs in: the starting command, after a failure.
#include <errno.h>

#include <algorithm>

#include "base/strings.hpp"
#include "plan/explanations.hpp"
#include "plan/plan.hpp"

namespace berth::plan {
namespace {

bool after_pivot(const Plan& plan, std::size_t index) {
  return std::any_of(plan.steps.begin(), plan.steps.begin() + static_cast<std::ptrdiff_t>(index),
                     [](const PlannedStep& step) { return step.op == child::Op::kPivotRoot; });
}

std::string_view place(const Plan& plan, std::size_t index) {
  switch (plan.steps[index].phase) {
    case child::Phase::kCaller:
    case child::Phase::kBeside:
      return "by the starting command";
    case child::Phase::kContainer:
      return after_pivot(plan, index) ? "inside the container" : "in the container's mount namespace";
    default:
      return "by the monitor";
  }
}

std::string describe(const Plan& plan, std::size_t index) {
  return strings::cat(plan.steps[index].doing, " (step ", index + 1, " of ", plan.steps.size(), ", ", place(plan, index), ")");
}

// fsopen(2): the kernel gives its reasons for a refused file system in words.
bool kernel_said_why(const child::Failure& failure) {
  const std::string_view call = failure.call;
  return failure.output[0] != '\0' && (call == "fsconfig" || call == "fsmount");
}

Error cause_of(const child::Failure& failure) {
  if (kernel_said_why(failure)) {
    return Error::from_errno(failure.error, failure.call, failure.object)
        .because(strings::cat("the kernel says: ", failure.output));
  }
  if (std::string_view(failure.call) != "hook") {
    Error error = Error::from_errno(failure.error, failure.call, failure.object);
    return failure.output[0] == '\0' ? std::move(error) : std::move(error).output(failure.output);
  }
  return Error::message(strings::cat("the hook failed: ", failure.object), failure.error).output(failure.output);
}

// A policy that forbids what the first process needs shows as its death only.
Error explain_policy(const Plan& plan, Error error, const child::Failure& failure) {
  const auto filter = std::ranges::find(plan.steps, child::Op::kSeccompFilter, &PlannedStep::op);
  if (filter == plan.steps.end() || !std::string_view(failure.object).ends_with("SIGSYS")) return error;
  return std::move(error)
      .because("the seccomp policy kills who makes a system call that it does not allow, and the first process made one")
      .hint("allow what it needs, or let the policy answer with 'errno 1' instead of 'kill' while you look for it")
      .set_by(filter->origin);
}

}  // namespace

Error explain(const Plan& plan, const child::Failure& failure) {
  Error error = cause_of(failure);
  if (failure.step >= plan.steps.size()) return error;
  const PlannedStep& step = plan.steps[failure.step];
  const Explanation explanation = look_up(plan, step, failure);
  if (!explanation.because.empty() && !kernel_said_why(failure)) error = std::move(error).because(explanation.because);
  if (!explanation.hint.empty()) error = std::move(error).hint(explanation.hint);
  if (step.origin.known()) error = std::move(error).set_by(step.origin);
  error = explain_policy(plan, std::move(error), failure);
  return std::move(error).context(describe(plan, failure.step));
}

}  // namespace berth::plan
