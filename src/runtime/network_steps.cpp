// Runs in: the monitor.
#include "runtime/network_steps.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/strings.hpp"
#include "os/netlink.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

using child::NetlinkFixup;

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

bool is_slot(std::int64_t slot) { return slot >= 0 && slot < std::int64_t{child::kSlots}; }

Result<Fd> open_own_namespace() { return sys::open(kOwnNamespace, O_RDONLY | O_CLOEXEC); }

// A request whose numbers are being filled in.
struct Draft {
  std::vector<std::byte> bytes;
  int socket;
  int container;  // its network namespace
  const std::string& brought_home;
  Fd own;  // ours, opened when it is needed

  Status put(std::uint32_t offset, std::int32_t value) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof value)
      return fail(Error::from_errno(EBADMSG, "step", "netlink request"));
    std::memcpy(bytes.data() + offset, &value, sizeof value);
    return {};
  }

  Status apply(const NetlinkFixup& fixup) {
    switch (fixup.kind) {
      case NetlinkFixup::Kind::kIndex:
        return put(fixup.offset, TRY(sys::interface_index(socket, fixup.interface[0] == '\0' ? brought_home : fixup.interface)));
      case NetlinkFixup::Kind::kHostNamespace:
        own = TRY(open_own_namespace());
        return put(fixup.offset, own.get());
      case NetlinkFixup::Kind::kContainerNamespace:
        return put(fixup.offset, container);
    }
    return fail(Error::from_errno(EBADMSG, "step", "netlink request"));
  }
};

Status fill_in(Draft& draft, const child::Block& block) {
  child::NetlinkRequest head;
  std::string_view rest(reinterpret_cast<const char*>(block.data), block.size);
  if (rest.size() < sizeof head) return fail(Error::from_errno(EBADMSG, "step", "netlink request"));
  std::memcpy(&head, rest.data(), sizeof head);
  rest.remove_prefix(sizeof head);
  if (rest.size() / sizeof(NetlinkFixup) < head.fixups) return fail(Error::from_errno(EBADMSG, "step", "netlink request"));
  const std::string_view request = rest.substr(head.fixups * sizeof(NetlinkFixup));
  draft.bytes.resize(request.size());
  if (!request.empty()) std::memcpy(draft.bytes.data(), request.data(), request.size());
  for (std::uint32_t i = 0; i < head.fixups; ++i) {
    NetlinkFixup fixup;
    std::memcpy(&fixup, rest.data() + i * sizeof fixup, sizeof fixup);
    fixup.interface[sizeof fixup.interface - 1] = '\0';
    TRY(draft.apply(fixup));
  }
  return {};
}

// The wire carries the kernel's words where a program's output would be.
Error refusal(const Error& error, std::string_view object) {
  Error refused = Error::from_errno(error.code(), "netlink", error.object().empty() ? object : std::string_view(error.object()));
  if (error.because().empty()) return refused;
  return std::move(refused).output(strings::cat("the kernel: ", error.because()));
}

Status deliver(const child::BlobView& blob, const child::Step& step, const HostContext& context, os::Netlink& socket,
               int descriptor) {
  Draft draft{{}, descriptor, is_slot(step.num[2]) ? context.slots[step.num[2]].get() : -1, context.brought_home, {}};
  TRY(fill_in(draft, blob.block(step.block)));
  return socket.request(draft.bytes, "netlink", blob.text(step.text[0]));
}

Status deliver(const child::BlobView& blob, const child::Step& step, const HostContext& context) {
  Fd socket;
  if (step.num[0] == child::kNoSlot) {
    socket = TRY(os::Netlink::open()).release();
  } else if (is_slot(step.num[0])) {
    socket = TRY(sys::duplicate(context.slots[step.num[0]].get()));
  }
  const int descriptor = socket.get();
  os::Netlink link = os::Netlink::adopt(std::move(socket));
  return deliver(blob, step, context, link, descriptor);
}

}  // namespace

Status open_network(const child::Step& step, HostContext& context) {
  if (!is_slot(step.num[0]) || !is_slot(step.num[1])) return fail(Error::from_errno(EBADMSG, "step", "network slots"));
  const std::string path = strings::cat("/proc/", context.init_pid, "/ns/net");
  Fd there = TRY(sys::open(path, O_RDONLY | O_CLOEXEC));
  const Fd home = TRY(open_own_namespace());
  TRY(sys::set_namespace(there.get(), CLONE_NEWNET, path));
  auto socket = os::Netlink::open();
  TRY(sys::set_namespace(home.get(), CLONE_NEWNET, kOwnNamespace));
  if (!socket) return fail(std::move(socket.error()));
  context.slots[step.num[0]] = std::move(there);
  context.slots[step.num[1]] = std::move(*socket).release();
  return {};
}

Status no_transmit_checksum(const child::BlobView& blob, const child::Step& step, const HostContext& context) {
  if (!is_slot(step.num[0])) return fail(Error::from_errno(EBADMSG, "step", "network slots"));
  return sys::switch_off_transmit_checksum(context.slots[step.num[0]].get(), blob.text(step.text[0]));
}

Status send_netlink(const child::BlobView& blob, const child::Step& step, const HostContext& context) {
  const Status sent = deliver(blob, step, context);
  if (sent || (step.num[1] != 0 && sent.error().code() == static_cast<int>(step.num[1]))) return {};
  return fail(refusal(sent.error(), blob.text(step.text[0])));
}

}  // namespace berth::runtime
