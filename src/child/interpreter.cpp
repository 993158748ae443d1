// Runs in: the container's first process, between clone and exec (no libc, no heap, no locks).
#include "child/interpreter.hpp"

#include <errno.h>
#include <sys/prctl.h>

#include "child/frame.hpp"

namespace berth::child {
namespace {

using StepFunction = int (*)(Frame&);

struct Row {
  Op op;
  StepFunction function;
};

constexpr Row kSteps[] = {
    {Op::kAwait, step_await},
    {Op::kRelease, step_release},
    {Op::kOpenSlot, step_open_slot},
    {Op::kDeathSignal, step_death_signal},
    {Op::kBecomeRoot, step_become_root},
    {Op::kJoinGroups, step_join_groups},
    {Op::kWriteSlots, step_write_slots},
    {Op::kUnshare, step_unshare},
    {Op::kTimeOffsets, step_time_offsets},
    {Op::kEnterNamespace, step_enter_namespace},
    {Op::kPropagation, step_propagation},
    {Op::kHook, step_hook},
    {Op::kAttachRoot, step_attach_root},
    {Op::kHostname, step_hostname},
    {Op::kSessionKeyring, step_session_keyring},
    {Op::kRaiseLoopback, step_raise_loopback},
    {Op::kMakeDirectory, step_make_directory},
    {Op::kMakeNode, step_make_node},
    {Op::kMakeSymlink, step_make_symlink},
    {Op::kReplaceFile, step_replace_file},
    {Op::kMountFilesystem, step_mount_filesystem},
    {Op::kBind, step_bind},
    {Op::kDevpts, step_devpts},
    {Op::kConsolePty, step_console_pty},
    {Op::kTtyPtys, step_tty_ptys},
    {Op::kPivotRoot, step_pivot_root},
    {Op::kBootId, step_boot_id},
    {Op::kPersonality, step_personality},
    {Op::kWriteFile, step_write_file},
    {Op::kCapabilities, step_capabilities},
    {Op::kNoNewPrivileges, step_no_new_privileges},
    {Op::kWorkingDirectory, step_working_directory},
    {Op::kSetIds, step_set_ids},
    {Op::kSession, step_session},
    {Op::kExec, step_exec},
    {Op::kCoreScheduling, step_core_scheduling},
    {Op::kSeccompFilter, step_seccomp_filter},
};

constexpr StepFunction function_of(Op op) {
  for (const Row& row : kSteps) {
    if (row.op == op) return row.function;
  }
  return nullptr;
}

constexpr bool every_container_step_has_a_function() {
  for (auto op = static_cast<int>(Op::kDeathSignal); op <= static_cast<int>(Op::kSeccompFilter); ++op) {
    if (function_of(static_cast<Op>(op)) == nullptr) return false;
  }
  return true;
}
static_assert(every_container_step_has_a_function());

[[noreturn]] void give_up(Context& context, const Failure& failure) {
  Message message;
  message.kind = MessageKind::kFailed;
  message.failure = failure;
  sys::raw::call(SYS_sendto, context.channel, &message, sizeof message, 0x4000 /* MSG_NOSIGNAL */, nullptr, 0);
  for (;;) sys::raw::call(SYS_exit_group, 1);
}

#ifdef BERTH_FAULT_POINTS
// Test builds only: waits to be killed, under a name that the test looks for. (Init of a pid namespace can't stop itself.)
void stop_when_asked(const Context& context, std::uint32_t index) {
  if (context.stop_at != static_cast<std::int64_t>(index)) return;
  sys::raw::call(SYS_prctl, PR_SET_NAME, "berth-held", 0, 0, 0);
  for (;;) sys::raw::call(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
}
#else
void stop_when_asked(const Context&, std::uint32_t) {}
#endif

}  // namespace

void initialise(Context& context) {
  for (int& slot : context.slots) slot = -1;
}

int run_step(const BlobView& blob, std::uint32_t index, Context& context, Failure& failure) noexcept {
  const Step& step = blob.step(index);
  failure.step = index;
  failure.error = 0;
  failure.call[0] = failure.object[0] = failure.output[0] = '\0';
  Frame frame{blob, step, context, failure};
  const StepFunction function = function_of(step.op);
  if (function == nullptr) return refuse(frame, -ENOSYS, "step", "not a step of the container");
  const int result = function(frame);
  if (result < 0) failure.error = -result;
  return result;
}

void run_container(const BlobView& blob, Context& context) noexcept {
  Failure failure;
  if (context.peer_channel >= 0) sys::raw::call(SYS_close, context.peer_channel);
  for (std::uint32_t index = 0; index < blob.step_count(); ++index) {
    if (blob.step(index).phase != Phase::kContainer) continue;
    stop_when_asked(context, index);
    if (run_step(blob, index, context, failure) < 0 && (blob.step(index).flags & kStepMayFail) == 0) give_up(context, failure);
  }
  Frame frame{blob, blob.step(0), context, failure};
  failure.error = -refuse(frame, -EINVAL, "plan", "no program to execute");
  give_up(context, failure);
}

}  // namespace berth::child
