// Runs in: the library caller, and in copies of it: one that enters the container, and its sibling that runs the caller's code
// there.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/strings.hpp"
#include "child/attach_steps.hpp"
#include "child/frame.hpp"
#include "runtime/attach_session.hpp"
#include "sys/file.hpp"
#include "sys/handshake.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

constexpr int kSetupFailed = 1;  // exit status
constexpr int kAboveStandard = 3;

// Everything that the copies need, made before they exist: they must not allocate before they are alone with their memory.
struct Preparation {
  child::BlobView blob;
  std::array<int, 3> stdio;
  std::vector<int> slots;
  std::vector<char*> environment;
  int channel, own_channel;
  AttachedCall call;
  sys::SignalsBlocked& signals;
};

// Where the C library keeps the number of this thread; null when the kernel does not tell.
int* thread_id_place() {
  int* place = nullptr;
  return sys::raw::call(SYS_prctl, PR_GET_TID_ADDRESS, &place, 0, 0, 0) == 0 ? place : nullptr;
}

// Copies first: one of the three may be another one's target.
void take_standard_descriptors(const std::array<int, 3>& stdio) {
  long copies[3];
  for (int i = 0; i < 3; ++i) {
    const int fd = stdio[static_cast<std::size_t>(i)];
    copies[i] = sys::raw::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kAboveStandard);
  }
  for (int i = 0; i < 3; ++i) {
    if (copies[i] < 0) continue;
    sys::raw::call(SYS_dup3, copies[i], i, 0);
    sys::raw::call(SYS_close, copies[i]);
  }
}

void close_descriptors(const Preparation& preparation, child::Context& context) {
  sys::raw::call(SYS_close, preparation.channel);
  for (const int slot : preparation.slots) sys::raw::call(SYS_close, slot);
  for (const int slot : {child::kAttachPeerSlot, child::kAttachPtmxSlot}) {
    if (context.slots[slot] > 2) sys::raw::call(SYS_close, context.slots[slot]);
  }
}

// The caller's code, once all steps are done. Its end is the end of this process: nothing of the caller's runs at exit.
[[noreturn]] void run_call(Preparation& preparation, child::Context& context) {
  child::Failure failure;
  if (child::run_attach_phase(preparation.blob, child::Phase::kContainer, context, failure) < 0) {
    child::report_and_exit(context, failure, kSetupFailed);
  }
  close_descriptors(preparation, context);
  ::environ = preparation.environment.data();
  sys::CopyWindow::end_in_copy();
  preparation.signals.restore();
  ::_exit(preparation.call.function(preparation.call.payload));
}

// The first copy: joins groups and namespaces, and makes the second one in them, a child of the caller.
[[noreturn]] void enter_and_clone(Preparation& preparation) {
  sys::raw::call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  sys::raw::call(SYS_close, preparation.own_channel);
  take_standard_descriptors(preparation.stdio);
  child::Context context;
  child::initialise(context);
  context.channel = preparation.channel;
  std::copy(preparation.slots.begin(), preparation.slots.end(), context.slots);
  child::Failure failure;
  if (child::run_attach_phase(preparation.blob, child::Phase::kPrepare, context, failure) < 0) {
    child::report_and_exit(context, failure, kSetupFailed);
  }
  int pidfd = -1;
  const long pid = child::clone_sibling(&pidfd, thread_id_place());
  if (pid == 0) run_call(preparation, context);
  if (pid < 0) {
    child::Frame frame{preparation.blob, preparation.blob.step(0), context, failure};
    child::refuse(frame, pid, "clone", "the process in the container");
    child::report_and_exit(context, failure, kSetupFailed);
  }
  const auto number = static_cast<std::uint32_t>(pid);
  const bool told = child::send_message(context, child::MessageKind::kAttached, number, &pidfd, 1) == 0;
  ::_exit(told ? 0 : kSetupFailed);
}

// The caller's own standard descriptors may be closed; then nothing must land on them.
Result<Fd> null_for_closed(std::array<int, 3>& stdio) {
  if (std::ranges::none_of(stdio, [](int fd) { return fd < 0; })) return Fd();
  Fd null = TRY(sys::open("/dev/null", O_RDWR));
  for (int& fd : stdio) fd = fd < 0 ? null.get() : fd;
  return null;
}

// A caller may have closed its standard descriptors: what is ours must not lie where they will be.
Result<Fd> above_standard(Fd fd) {
  if (fd.get() >= kAboveStandard) return fd;
  return sys::duplicate(fd.get(), kAboveStandard);
}

Result<std::pair<Fd, Fd>> channel_above_standard() {
  auto [own, copys] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  return std::pair(TRY(above_standard(std::move(own))), TRY(above_standard(std::move(copys))));
}

Result<std::vector<int>> above_standard(const std::vector<int>& slots, std::vector<Fd>& lifted) {
  std::vector<int> result = slots;
  for (int& slot : result) {
    if (slot >= kAboveStandard) continue;
    lifted.push_back(TRY(sys::duplicate(slot, kAboveStandard)));
    slot = lifted.back().get();
  }
  return result;
}

std::vector<char*> pointers(const std::vector<std::string>& environment) {
  std::vector<char*> result;
  for (const std::string& entry : environment) result.push_back(const_cast<char*>(entry.c_str()));
  result.push_back(nullptr);
  return result;
}

// By the C library's own fork: it leaves its locks usable in the copy, where the caller's code will allocate.
// The result is empty when the copy has ended, and been taken by somebody else, before it could be opened.
Result<os::PidRef> fork_caller(Preparation& preparation) {
  const pid_t pid = ::fork();
  if (pid == 0) enter_and_clone(preparation);
  if (pid < 0) return fail(Error::from_errno(errno, "fork"));
  auto opened = os::PidRef::open(pid);
  return opened ? std::move(*opened) : os::PidRef();
}

}  // namespace

Result<AttachedCommand> launch_call(const AttachLaunch& launch, const std::vector<std::string>& environment,
                                    const AttachedCall& call) {
  std::array<int, 3> stdio = launch.stdio;
  const Fd null = TRY(null_for_closed(stdio));
  std::vector<Fd> lifted;
  const std::vector<int> slots = TRY(above_standard(launch.slots, lifted));
  std::optional<sys::CopyWindow> window(std::in_place);
  auto [own, copys] = TRY(channel_above_standard());
  sys::SignalsBlocked blocked;
  Preparation preparation{.blob = child::BlobView(launch.plan.data(), launch.plan.size()),
                          .stdio = stdio,
                          .slots = slots,
                          .environment = pointers(environment),
                          .channel = copys.get(),
                          .own_channel = own.get(),
                          .call = call,
                          .signals = blocked};
  const os::PidRef helper = TRY(fork_caller(preparation));
  copys.reset();
  window.reset();
  blocked.restore();
  auto command = collect_attached(own.get(), launch);
  // Somebody else in the caller's program may have waited for all children: its status says nothing that the channel has not
  // said.
  [[maybe_unused]] const auto status = helper.reap();
  if (!command) return command;
  if (!command->process.valid() && !command->failure)
    return fail(Error::message("the process that enters the container ended too early", ECHILD));
  return command;
}

}  // namespace berth::runtime
