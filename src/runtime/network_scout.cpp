// Runs in: host commands and library callers, and in a child of theirs that uses raw calls only.
#include "runtime/network_scout.hpp"

#include <linux/netlink.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "sys/process.hpp"
#include "sys/raw.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

using sys::raw::call;

struct alignas(cmsghdr) Control {
  char bytes[CMSG_SPACE(sizeof(int))] = {};
};

// One message: a number, and a descriptor unless it is negative.
struct Parcel {
  int number = 0;
  int descriptor = -1;
};

long send_parcel(int channel, const Parcel& parcel) {
  int number = parcel.number;
  iovec part{&number, sizeof number};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (parcel.descriptor >= 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    *reinterpret_cast<int*>(CMSG_DATA(header)) = parcel.descriptor;
  }
  return call(SYS_sendmsg, channel, &message, MSG_NOSIGNAL);
}

// False at the end.
bool receive_parcel(int channel, Parcel& parcel) {
  iovec part{&parcel.number, sizeof parcel.number};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  long received;
  do received = call(SYS_recvmsg, channel, &message, MSG_CMSG_CLOEXEC);
  while (received == -EINTR);
  if (received != static_cast<long>(sizeof parcel.number)) return false;
  const cmsghdr* header = message.msg_controllen >= sizeof(cmsghdr) ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) parcel.descriptor = *reinterpret_cast<const int*>(CMSG_DATA(header));
  return true;
}

// The child. The answer's number is 0 or a positive errno.
[[noreturn]] void serve(int channel) {
  call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);  // it holds the caller's memory
  for (Parcel request; receive_parcel(channel, request); request = {}) {
    long result = call(SYS_setns, request.descriptor, CLONE_NEWNET);
    if (result == 0) result = call(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    const Parcel answer{result < 0 ? static_cast<int>(-result) : 0, result < 0 ? -1 : static_cast<int>(result)};
    const long sent = send_parcel(channel, answer);
    call(SYS_close, request.descriptor);
    if (result >= 0) call(SYS_close, result);
    if (sent < 0) break;
  }
  for (;;) call(SYS_exit_group, 0);
}

}  // namespace

Result<NetworkScout> NetworkScout::start() {
  auto [own, childs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  const sys::SignalsBlocked blocked;
  sys::Cloned child = TRY(sys::clone(0));
  if (child.pid == 0) {
    call(SYS_close, own.get());
    serve(childs.get());
  }
  return NetworkScout(std::move(own), os::PidRef(std::move(child)));
}

// The end of the channel is the child's end.
NetworkScout::~NetworkScout() {
  if (!channel_) return;
  channel_.reset();
  [[maybe_unused]] const auto status = process_.reap();  // whoever waits for all children may have been quicker
}

Result<Fd> NetworkScout::route_socket_in(int there) const {
  const int request = 0;
  TRY(sys::send(channel_.get(), std::as_bytes(std::span(&request, 1)), std::span(&there, 1)));
  int code = 0;
  auto received = TRY(sys::receive(channel_.get(), std::as_writable_bytes(std::span(&code, 1))));
  if (received.bytes != sizeof code) return fail("the process that looks into network namespaces died", ECHILD);
  if (code != 0) return fail(Error::from_errno(code, "setns", "the container's network namespace"));
  if (received.descriptors.empty()) return fail("no descriptor is free for a socket", EMFILE);
  return std::move(received.descriptors.front());
}

}  // namespace berth::runtime
