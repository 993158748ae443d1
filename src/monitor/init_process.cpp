// Runs in: the monitor; the last part of clone_init() in the container's first process.
#include "monitor/init_process.hpp"

#include <linux/nsfs.h>
#include <sched.h>

#include <vector>

#include "base/strings.hpp"
#include "child/interpreter.hpp"
#include "sys/features.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::monitor {
namespace {

constexpr long kNewTime = 0x80;

const char* own_namespace_of(long type) {
  switch (type) {
    case CLONE_NEWNS:
      return "/proc/self/ns/mnt";
    case CLONE_NEWUTS:
      return "/proc/self/ns/uts";
    case CLONE_NEWIPC:
      return "/proc/self/ns/ipc";
    case CLONE_NEWNET:
      return "/proc/self/ns/net";
    case CLONE_NEWPID:
      return "/proc/self/ns/pid_for_children";
    case CLONE_NEWCGROUP:
      return "/proc/self/ns/cgroup";
    case kNewTime:
      return "/proc/self/ns/time_for_children";
    default:
      return nullptr;  // a user namespace can't be left again: the first process enters it itself
  }
}

// The shared namespaces, entered for the moment of the clone only.
class Borrowed {
 public:
  Borrowed() = default;
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() {
    // The way back into namespaces that this process came from is always open to it.
    for (const Fd& own : own_) [[maybe_unused]]
      const Status ignored = sys::set_namespace(own.get(), 0, "own");
  }

  Status enter(std::uint64_t mask, const runtime::HostContext& context) {
    std::vector<const Fd*> shared;
    for (unsigned slot = 0; slot < child::kSlots; ++slot) {
      if ((mask >> slot & 1) != 0) shared.push_back(&context.slots[slot]);
    }
    // All ways back are opened first: /proc may be another one after the first step.
    for (const Fd* target : shared) TRY(remember(target->get()));
    for (const Fd* target : shared) TRY(sys::set_namespace(target->get(), 0, "shared namespace"));
    return {};
  }

 private:
  Status remember(int target) {
    const long type = sys::raw::call(SYS_ioctl, target, NS_GET_NSTYPE, 0);
    if (type < 0) return fail(Error::from_errno(static_cast<int>(-type), "ioctl", "shared namespace"));
    const char* path = own_namespace_of(type);
    if (path == nullptr) return fail(Error::from_errno(EINVAL, "setns", "shared user namespace"));
    own_.push_back(TRY(sys::open(path, O_RDONLY | O_CLOEXEC)));
    return {};
  }

  std::vector<Fd> own_;
};

[[noreturn]] void become_init(const child::BlobView& blob, const runtime::HostContext& context, int channel, int peer,
                              std::int64_t stop_at) {
  child::Context inside;
  child::initialise(inside);
  inside.channel = channel;
  inside.peer_channel = peer;
  inside.stop_at = stop_at;
  for (unsigned slot = 0; slot < child::kSlots; ++slot) inside.slots[slot] = context.slots[slot].get();
  child::run_container(blob, inside);
}

// Where a process can't be born in its group it is moved there; it can't have children yet.
Status move_into_group(int group, pid_t pid) { return sys::write_attribute_at(group, "cgroup.procs", strings::cat(pid)); }

}  // namespace

Result<InitProcess> clone_init(const child::BlobView& blob, const child::Step& step, const runtime::HostContext& context,
                               std::int64_t stop_at) {
  auto [own_end, child_end] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  Borrowed borrowed;
  TRY(borrowed.enter(static_cast<std::uint64_t>(step.num[2]), context));
  const bool has_group = step.num[1] >= 0 && step.num[1] < std::int64_t{child::kSlots};
  const int group = has_group ? context.slots[step.num[1]].get() : -1;
  const bool born_inside = group >= 0 && sys::has(sys::Feature::kCloneIntoCgroup);
  sys::Cloned cloned = TRY(sys::clone(static_cast<std::uint64_t>(step.num[0]), born_inside ? group : -1));
  if (cloned.pid == 0) become_init(blob, context, child_end.get(), own_end.get(), stop_at);
  if (group >= 0 && !born_inside) TRY(move_into_group(group, cloned.pid));
  const long nonblocking = sys::raw::call(SYS_fcntl, own_end.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  if (nonblocking < 0) return fail(Error::from_errno(static_cast<int>(-nonblocking), "fcntl", "channel"));
  return InitProcess{cloned.pid, std::move(cloned.pidfd), std::move(own_end)};
}

}  // namespace berth::monitor
