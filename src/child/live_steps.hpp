// The steps that change a running container, carried out by a short-lived process of the caller that enters it. No heap, no
// exceptions, no locks, no libc state: the caller may have threads, and a memory that is only borrowed.
#pragma once

#include "child/interpreter.hpp"

namespace berth::child {

inline constexpr int kLivePidfdSlot = 0;  // of the container's first process
inline constexpr int kLiveTreeSlot = 1;   // a detached mount: the caller's, or the one that kNodeTree makes

// Runs all steps in order, its own ones and those of attach, and stops at the first failure: -errno, with `failure` filled.
int run_live_steps(const BlobView& blob, Context& context, Failure& failure) noexcept;

}  // namespace berth::child
