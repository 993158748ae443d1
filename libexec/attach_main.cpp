// Runs in: berth-attach, a static program that the caller starts from a read-only copy. It enters the container and makes the
// process that becomes the command; that one is the caller's child, not ours (CLONE_PARENT).
//
// Nothing of the host is reachable from inside: the helper itself never joins the container's pid namespace, it is not dumpable,
// and every descriptor but the command's own three and the channel is closed before the command's process exists.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "child/attach_steps.hpp"
#include "child/frame.hpp"
#include "freestanding/program.hpp"
#include "sys/raw.hpp"

namespace {

using namespace berth::child;
namespace raw = berth::sys::raw;

constexpr int kSetupFailed = 1, kNotExecutable = 126, kNotFound = 127;  // exit statuses

[[noreturn]] void leave(int status) {
  for (;;) raw::call(SYS_exit_group, status);
}

BlobView map_plan() {
  const long size = raw::call(SYS_lseek, kAttachPlanFd, 0, SEEK_END);
  if (size <= 0) leave(kSetupFailed);
  const long data = raw::call(SYS_mmap, nullptr, size, PROT_READ, MAP_PRIVATE, kAttachPlanFd, 0);
  if (data < 0) leave(kSetupFailed);
  return {reinterpret_cast<const void*>(data), static_cast<std::size_t>(size)};
}

// Everything but standard input, output, errors, the channel, and the ptmx of the host where one is used.
void close_host_descriptors(Context& context) {
  constexpr int kMostDescriptors = 64;  // the caller gave us what we have: there is nothing above
  int first = kAttachChannelFd + 1;
  raw::call(SYS_close, kAttachPlanFd);
  if (int& ptmx = context.slots[kAttachPtmxSlot]; ptmx >= 0) {
    if (ptmx != first) raw::call(SYS_dup3, ptmx, first, O_CLOEXEC);
    ptmx = first++;
  }
  if (raw::call(SYS_close_range, first, ~0U, 0) == 0) return;
  for (int fd = first; fd < kMostDescriptors; ++fd) raw::call(SYS_close, fd);
}

[[noreturn]] void become_command(const BlobView& blob, Context& context) {
  Failure failure;
  const int result = run_attach_phase(blob, Phase::kContainer, context, failure);
  const bool executing = blob.step(failure.step).op == Op::kExecCommand;
  if (!executing) report_and_exit(context, failure, kSetupFailed);
  report_and_exit(context, failure, result == -ENOENT || result == -ENOTDIR ? kNotFound : kNotExecutable);
}

}  // namespace

int berth_program(int, char**, char**) {
  raw::call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  Context context;
  initialise(context);
  context.channel = kAttachChannelFd;
  raw::call(SYS_fcntl, kAttachChannelFd, F_SETFD, FD_CLOEXEC);
  for (int slot = 0; slot < kAttachSlots; ++slot) context.slots[slot] = kAttachFirstSlotFd + slot;
  const BlobView blob = map_plan();
  Failure failure;
  if (run_attach_phase(blob, Phase::kPrepare, context, failure) < 0) report_and_exit(context, failure, kSetupFailed);
  close_host_descriptors(context);
  int pidfd = -1;
  const long pid = clone_sibling(&pidfd, nullptr);
  if (pid == 0) become_command(blob, context);
  if (pid < 0) {
    Frame frame{blob, blob.step(0), context, failure};
    refuse(frame, pid, "clone", "the command's process");
    report_and_exit(context, failure, kSetupFailed);
  }
  if (send_message(context, MessageKind::kAttached, static_cast<std::uint32_t>(pid), &pidfd, 1) < 0) leave(kSetupFailed);
  leave(0);  // not by return: nothing that runs at a program's exit belongs in a process with half of the container's namespaces
}
