// Runs in: the container's first process, between clone and exec (no libc, no heap, no locks).
#include "child/interpreter.hpp"

#include <errno.h>
#include <sys/prctl.h>

#include "child/frame.hpp"

namespace berth::child {
namespace {

using StepFunction = int (*)(Frame&);

StepFunction function_of(Op op) {
  switch (op) {
    case Op::kAwait:
      return step_await;
    case Op::kRelease:
      return step_release;
    case Op::kOpenSlot:
      return step_open_slot;
    case Op::kDeathSignal:
      return step_death_signal;
    case Op::kBecomeRoot:
      return step_become_root;
    case Op::kJoinGroups:
      return step_join_groups;
    case Op::kWriteSlots:
      return step_write_slots;
    case Op::kUnshare:
      return step_unshare;
    case Op::kTimeOffsets:
      return step_time_offsets;
    case Op::kEnterNamespace:
      return step_enter_namespace;
    case Op::kPropagation:
      return step_propagation;
    case Op::kHook:
      return step_hook;
    case Op::kAttachRoot:
      return step_attach_root;
    case Op::kHostname:
      return step_hostname;
    case Op::kSessionKeyring:
      return step_session_keyring;
    case Op::kRaiseLoopback:
      return step_raise_loopback;
    case Op::kMakeDirectory:
      return step_make_directory;
    case Op::kMakeNode:
      return step_make_node;
    case Op::kMakeSymlink:
      return step_make_symlink;
    case Op::kMountFilesystem:
      return step_mount_filesystem;
    case Op::kBind:
      return step_bind;
    case Op::kDevpts:
      return step_devpts;
    case Op::kConsolePty:
      return step_console_pty;
    case Op::kTtyPtys:
      return step_tty_ptys;
    case Op::kPivotRoot:
      return step_pivot_root;
    case Op::kBootId:
      return step_boot_id;
    case Op::kPersonality:
      return step_personality;
    case Op::kWriteFile:
      return step_write_file;
    case Op::kCapabilities:
      return step_capabilities;
    case Op::kNoNewPrivileges:
      return step_no_new_privileges;
    case Op::kWorkingDirectory:
      return step_working_directory;
    case Op::kSetIds:
      return step_set_ids;
    case Op::kSession:
      return step_session;
    case Op::kExec:
      return step_exec;
    case Op::kCoreScheduling:
      return step_core_scheduling;
    default:
      return nullptr;
  }
}

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
