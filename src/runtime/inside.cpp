// Runs in: host commands and library callers, which may have threads. The children may use raw calls only.
#include "runtime/inside.hpp"

#include <linux/netlink.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/strings.hpp"
#include "child/live_steps.hpp"
#include "sys/features.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

using child::Op;
using child::Phase;
using sys::raw::call;

constexpr int kEntered = CLONE_NEWNS | CLONE_NEWUSER;

plan::PlannedStep step_of(Op op, std::string doing) {
  plan::PlannedStep step;
  step.op = op;
  step.doing = std::move(doing);
  return step;
}

// What comes between the steps of the two sides.
void add_entry(plan::Plan& plan, int namespaces) {
  plan::PlannedStep& enter = plan.steps.emplace_back(step_of(Op::kEnterNamespaces, "entering the container's mount namespace"));
  enter.num[0] = child::kLivePidfdSlot;
  enter.num[1] = namespaces & kEntered;
  if ((namespaces & CLONE_NEWUSER) != 0) plan.steps.push_back(step_of(Op::kBecomeRoot, "becoming root of the container"));
  plan.steps.push_back(step_of(Op::kAttachRoot, "opening the container's root"));
}

plan::Plan whole_plan(std::vector<plan::PlannedStep> steps, int namespaces) {
  plan::Plan plan;
  for (plan::PlannedStep& step : steps) {
    if (step.phase == Phase::kPrepare) plan.steps.push_back(std::move(step));
  }
  add_entry(plan, namespaces);
  for (plan::PlannedStep& step : steps) {
    if (step.phase != Phase::kContainer) continue;
    step.flags |= child::kStepFollowLinks;
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

[[noreturn]] void leave(int status) {
  for (;;) call(SYS_exit_group, status);
}

// The child: tells how it ended.
[[noreturn]] void work(const child::BlobView& blob, child::Context& context) {
  constexpr unsigned kUmask = 022;
  call(SYS_umask, kUmask);
  call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);  // it holds the caller's memory
  child::Message message;
  message.kind = child::MessageKind::kReached;
  if (child::run_live_steps(blob, context, message.failure) < 0) message.kind = child::MessageKind::kFailed;
  call(SYS_sendto, context.channel, &message, sizeof message, MSG_NOSIGNAL, nullptr, 0);
  leave(message.kind == child::MessageKind::kFailed ? 1 : 0);
}

Error explain_failure(const plan::Plan& plan, const child::Failure& failure) {
  Error error = Error::from_errno(failure.error, strings::printable(failure.call), strings::printable(failure.object));
  if (failure.step < plan.steps.size()) error = std::move(error).context(plan.steps[failure.step].doing);
  return error;
}

// Where the caller ignores SIGCHLD, or another thread of it waits for everything, there is nothing left to reap.
void reap(const sys::Cloned& child) { [[maybe_unused]] const auto status = sys::wait_pidfd(child.pidfd.get()); }

Status outcome_of(const plan::Plan& plan, const sys::Cloned& child, const Fd& channel) {
  child::Message message;
  const auto received = sys::receive(channel.get(), std::as_writable_bytes(std::span(&message, 1)));
  reap(child);
  if (!received) return fail(received.error());
  if (received->bytes != sizeof message) return fail("the process that entered the container died", ECHILD);
  if (message.kind == child::MessageKind::kFailed) return fail(explain_failure(plan, message.failure));
  return {};
}

[[noreturn]] void send_socket_from(int user, int there, int channel) {
  long failed = user < 0 ? 0 : call(SYS_setns, user, CLONE_NEWUSER);
  if (failed == 0) failed = call(SYS_setns, there, CLONE_NEWNET);
  const long socket = failed == 0 ? call(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) : failed;
  if (socket < 0) leave(static_cast<int>(-socket));
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  *reinterpret_cast<int*>(CMSG_DATA(header)) = static_cast<int>(socket);
  const long sent = call(SYS_sendmsg, channel, &message, MSG_NOSIGNAL);
  leave(sent < 0 ? static_cast<int>(-sent) : 0);
}

Status check_kernel() {
  using sys::Feature;
  for (const Feature needed : {Feature::kNewMountApi, Feature::kMountSetattr, Feature::kOpenat2, Feature::kPidfdSetns}) {
    if (!sys::has(needed)) {
      return fail(Error::message("this kernel can't change the mounts of a running container", ENOSYS)
                      .because("that takes move_mount, mount_setattr, openat2 and setns with a pidfd (Linux 5.12)"));
    }
  }
  return {};
}

}  // namespace

Status change_inside(const RunningInit& init, std::vector<plan::PlannedStep> steps, const Fd& tree) {
  TRY(check_kernel());
  if ((init.namespaces & CLONE_NEWNS) == 0) {
    return fail(Error::message("the container has no mount namespace of its own")
                    .because("what is mounted or made for it would be the host's"));
  }
  const plan::Plan plan = whole_plan(std::move(steps), init.namespaces);
  const std::string blob = plan::encode(plan);
  const child::BlobView view(blob.data(), blob.size());
  auto [own, childs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  child::Context context;
  child::initialise(context);
  context.channel = childs.get();
  context.slots[child::kLivePidfdSlot] = init.process.pidfd();
  context.slots[child::kLiveTreeSlot] = tree.get();
  const sys::SignalsBlocked blocked;
  const sys::Cloned child = TRY(sys::clone(0));
  if (child.pid == 0) work(view, context);
  childs.reset();
  return outcome_of(plan, child, own);
}

Result<Fd> route_socket_in(int user, int there) {
  auto [own, childs] = TRY(sys::socket_pair(SOCK_STREAM));
  const sys::SignalsBlocked blocked;
  const sys::Cloned child = TRY(sys::clone(0));
  if (child.pid == 0) send_socket_from(user, there, childs.get());
  childs.reset();
  std::byte byte[1];
  auto received = sys::receive(own.get(), byte);
  const auto status = sys::wait_pidfd(child.pidfd.get());
  if (received && !received->descriptors.empty()) return std::move(received->descriptors.front());
  const int code = status && WIFEXITED(*status) && WEXITSTATUS(*status) != 0 ? WEXITSTATUS(*status) : EIO;
  return fail(Error::from_errno(code, "setns", "the container's network namespace"));
}

}  // namespace berth::runtime
