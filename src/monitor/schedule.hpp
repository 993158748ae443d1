// Which steps of a plan the monitor carries out when. Pure functions of the plan.
#pragma once

#include <cstdint>
#include <vector>

#include "child/blob.hpp"

namespace berth::monitor {

using StepList = std::vector<std::uint32_t>;

// kPrepare, then kParallel. On a reboot those steps of kCaller, kBeside and kPrepare that are marked kStepOnReboot come first.
StepList start_steps(const child::BlobView& blob, bool reboot);
StepList stop_steps(const child::BlobView& blob);
// The undo steps of what is done. On a reboot only of what will be done again.
enum class Haste : std::uint8_t { kAll, kWithoutLazy, kLazyOnly };
StepList undo_steps(const child::BlobView& blob, const std::vector<bool>& done, bool reboot, Haste haste = Haste::kAll);

// The first step of that kind; the number of steps when there is none.
std::uint32_t step_of(const child::BlobView& blob, child::Op op);

// The pre-start hooks have all run, so the stop hooks have something to put right.
bool prepared(const child::BlobView& blob, const std::vector<bool>& done);
// The plan has a hook that wants the namespaces of the ended container.
bool wants_namespaces(const child::BlobView& blob);

}  // namespace berth::monitor
