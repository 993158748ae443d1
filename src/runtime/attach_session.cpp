// Runs in: the attaching command or library caller.
#include "runtime/attach_session.hpp"

#include <fcntl.h>
#include <linux/memfd.h>

#include <cerrno>
#include <cstring>

#include "base/strings.hpp"
#include "child/attach_steps.hpp"
#include "runtime/programs.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"
#include "sys/handshake.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kHelper = "berth-attach";
constexpr int kMostGroups = 1000;  // .lxc, .lxc-1 ... .lxc-999

Result<Fd> sealed_plan(const std::string& plan) {
  Fd fd = TRY(sys::memfd("berth-attach-plan", MFD_ALLOW_SEALING));
  TRY(sys::write_all(fd.get(), plan, "attach plan"));
  TRY(sys::seal(fd.get()));
  return fd;
}

// "/.lxc" of the payload for the number 0, "/.lxc-N" for others.
std::string leaf_of(const std::string& group, int number) {
  return number == 0 ? group + "/.lxc" : strings::cat(group, "/.lxc-", number);
}

// The kernel refused the group, not the process.
bool refused_group(const Error& error) {
  const int code = error.code();
  return error.operation().starts_with("clone") &&
         (code == EBUSY || code == EACCES || code == EPERM || code == EOPNOTSUPP || code == ENODEV);
}

Result<sys::Cloned> spawn_into(sys::Spawn& request, const std::string& directory) {
  const Fd group = TRY(sys::open(directory, O_PATH | O_DIRECTORY));
  request.cgroup_fd = group.get();
  auto child = sys::spawn(request);  // a copy: it is tried again elsewhere
  request.cgroup_fd = -1;
  return child;
}

// A leaf below the payload, as an inner group that delegates controllers may hold no process. In LXC's order: .lxc, the payload
// itself, and .lxc-1 ... where those are busy.
Result<sys::Cloned> spawn_in_group(sys::Spawn& request, const std::string& payload) {
  for (int number = 0; number < kMostGroups; ++number) {
    const std::string leaf = leaf_of(payload, number);
    const Status made = sys::make_directory(leaf, 0755);
    const bool present = made || made.error().code() == EEXIST;
    auto child = spawn_into(request, present ? leaf : payload);
    if (child || !refused_group(child.error())) return child;
    if (made) (void)sys::remove_directory(leaf);  // ours and empty; when it is neither any more it stays
    if (number == 0) child = spawn_into(request, payload);
    if (child || !refused_group(child.error())) return child;
    if (!present || child.error().code() != EBUSY) return child;
  }
  return fail(Error::message("no control group below the container's takes a process", EBUSY));
}

Result<Fd> null_device() { return sys::open("/dev/null", O_RDWR); }

// The descriptors of the helper, as child/attach_steps.hpp numbers them.
std::vector<std::pair<int, int>> descriptors_of(const AttachLaunch& launch, int plan, int channel, int null) {
  std::vector<std::pair<int, int>> result;
  for (int i = 0; i < 3; ++i) {
    const int fd = launch.stdio[static_cast<std::size_t>(i)];
    result.emplace_back(fd >= 0 ? fd : null, i);
  }
  result.emplace_back(plan, child::kAttachPlanFd);
  result.emplace_back(channel, child::kAttachChannelFd);
  int next = child::kAttachFirstSlotFd;
  for (const int fd : launch.slots) result.emplace_back(fd, next++);
  return result;
}

Result<sys::Cloned> start_helper(const AttachLaunch& launch, int channel) {
  const Fd program = TRY(open_helper(kHelper));
  const Fd plan = TRY(sealed_plan(launch.plan));
  Fd null;
  if (launch.stdio[0] < 0 || launch.stdio[1] < 0 || launch.stdio[2] < 0) null = TRY(null_device());
  sys::Spawn request;
  request.program_fd = program.get();
  request.arguments = {std::string(kHelper)};
  request.descriptors = descriptors_of(launch, plan.get(), channel, null.get());
  return launch.unified_group.empty() ? sys::spawn(request) : spawn_in_group(request, launch.unified_group);
}

// What came from inside may be forged by the container: no control characters reach the caller's terminal.
template <std::size_t N>
void make_printable(char (&text)[N]) {
  const std::string shown = strings::printable(std::string_view(text, ::strnlen(text, N - 1)));
  text[shown.copy(text, N - 1)] = '\0';
}

void take_message(AttachedCommand& command, child::Message& message, std::vector<Fd> descriptors, const AttachLaunch& launch) {
  switch (message.kind) {
    case child::MessageKind::kAttached:
      if (!command.process.valid() && !descriptors.empty()) {
        command.process = os::PidRef(static_cast<pid_t>(message.value), std::move(descriptors.front()));
      }
      break;
    case child::MessageKind::kConsole:
      if (!command.ptmx && !descriptors.empty()) command.ptmx = std::move(descriptors.front());
      break;
    case child::MessageKind::kListener:
      if (launch.take_listener && !descriptors.empty()) command.listener = launch.take_listener(std::move(descriptors.front()));
      break;
    case child::MessageKind::kFailed:
      make_printable(message.failure.call);
      make_printable(message.failure.object);
      make_printable(message.failure.output);
      if (!command.failure) command.failure = message.failure;
      break;
    default:
      break;
  }
}

}  // namespace

// Until both ends are gone: the helper's by its exit, the command's by exec or its death.
Result<AttachedCommand> collect_attached(int channel, const AttachLaunch& launch) {
  AttachedCommand command;
  child::Message message;
  for (;;) {
    sys::Received received = TRY(sys::receive(channel, std::as_writable_bytes(std::span(&message, 1))));
    if (received.bytes == 0) return command;
    if (received.bytes == sizeof message) take_message(command, message, std::move(received.descriptors), launch);
  }
}

Result<AttachedCommand> launch_attached(const AttachLaunch& launch) {
  std::optional<sys::HandshakeWindow> window(std::in_place);
  auto [own, helpers] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  const os::PidRef helper(TRY_CONTEXT(start_helper(launch, helpers.get()), "starting berth-attach"));
  helpers.reset();
  window.reset();
  AttachedCommand command = TRY(collect_attached(own.get(), launch));
  const auto status = helper.reap();  // its work is done, whoever has been told of its end
  if (!command.process.valid() && !command.failure) {
    return fail(Error::message(strings::cat("berth-attach ended too early (wait status ", status ? *status : -1, ")"), ECHILD));
  }
  return command;
}

}  // namespace berth::runtime
