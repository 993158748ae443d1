// The steps of berth-attach: some for the helper itself before it enters the container (phase kPrepare), some for the process
// that becomes the command (phase kContainer). No heap, no exceptions, no locks, no libc state.
#pragma once

#include "child/interpreter.hpp"

namespace berth::child {

// Descriptors that berth-attach finds open when it starts.
inline constexpr int kAttachPlanFd = 3;
inline constexpr int kAttachChannelFd = 4;    // SOCK_SEQPACKET to the caller: Message
inline constexpr int kAttachFirstSlotFd = 5;  // slot N is descriptor kAttachFirstSlotFd + N
inline constexpr int kAttachSlots = 10;
// Slots that the helper and the command's process fill themselves.
inline constexpr int kAttachPeerSlot = 20;
inline constexpr int kAttachPtmxSlot = 21;

// Carries out one step, its own ones or those of the interpreter; 0 or -errno with `failure` filled.
int run_attach_step(const BlobView& blob, std::uint32_t index, Context& context, Failure& failure) noexcept;

// Runs the steps of `phase` in order and stops at the first failure.
int run_attach_phase(const BlobView& blob, Phase phase, Context& context, Failure& failure) noexcept;

// A copy of this process whose parent is this one's parent. 0 in the copy, else its number, or -errno. `thread_id`: where the C
// library keeps the number of the running thread, which the kernel then updates in the copy; null = nowhere.
long clone_sibling(int* pidfd, int* thread_id) noexcept;

// Sends Message{kFailed} to the caller and ends this process.
[[noreturn]] void report_and_exit(Context& context, const Failure& failure, int status) noexcept;

}  // namespace berth::child
