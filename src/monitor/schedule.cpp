// Runs in: the monitor.
#include "monitor/schedule.hpp"

#include <string_view>

#include "runtime/host_steps.hpp"

namespace berth::monitor {

using child::BlobView;
using child::Op;
using child::Phase;
using child::Step;

namespace {

bool again(const Step& step) { return (step.flags & child::kStepOnReboot) != 0; }

void append(StepList& steps, const BlobView& blob, Phase phase, bool only_again) {
  for (std::uint32_t i = 0; i < blob.step_count(); ++i) {
    if (blob.step(i).phase == phase && (!only_again || again(blob.step(i)))) steps.push_back(i);
  }
}

}  // namespace

StepList start_steps(const BlobView& blob, bool reboot) {
  StepList steps;
  if (reboot) {
    append(steps, blob, Phase::kCaller, true);
    append(steps, blob, Phase::kBeside, true);
  }
  append(steps, blob, Phase::kPrepare, reboot);
  append(steps, blob, Phase::kParallel, false);
  return steps;
}

StepList stop_steps(const BlobView& blob) {
  StepList steps;
  append(steps, blob, Phase::kStop, false);
  return steps;
}

StepList undo_steps(const BlobView& blob, const std::vector<bool>& done, bool reboot, Haste haste) {
  if (!reboot) {
    StepList steps = runtime::undo_order(blob, done);
    std::erase_if(steps, [&](std::uint32_t index) {
      const bool lazy = (blob.step(index).flags & child::kStepLazyUndo) != 0;
      return (haste == Haste::kWithoutLazy && lazy) || (haste == Haste::kLazyOnly && !lazy);
    });
    return steps;
  }
  std::vector<bool> repeated(done.size());
  for (std::uint32_t i = 0; i < done.size(); ++i) repeated[i] = done[i] && again(blob.step(i));
  return runtime::undo_order(blob, repeated);
}

bool prepared(const BlobView& blob, const std::vector<bool>& done) {
  for (std::uint32_t i = 0; i < blob.step_count(); ++i) {
    const Step& step = blob.step(i);
    if (step.phase == Phase::kPrepare && step.op == Op::kHostHook && !done[i]) return false;
  }
  return true;
}

bool wants_namespaces(const BlobView& blob) {
  for (const std::uint32_t index : stop_steps(blob)) {
    const Step& step = blob.step(index);
    if (step.op == Op::kHostHook && runtime::wants_namespaces(blob, step)) return true;
  }
  return false;
}

std::uint32_t step_of(const child::BlobView& blob, child::Op op) {
  std::uint32_t index = 0;
  while (index < blob.step_count() && blob.step(index).op != op) ++index;
  return index;
}

}  // namespace berth::monitor
