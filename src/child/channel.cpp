// Runs in: the container's first process, between clone and exec (no libc, no heap).
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "child/frame.hpp"

namespace berth::child {
namespace {

constexpr unsigned kMaxDescriptors = 16;  // a message

struct alignas(cmsghdr) ControlBuffer {
  char bytes[CMSG_SPACE(sizeof(int) * kMaxDescriptors)];
};

}  // namespace

int send_message(Context& context, MessageKind kind, std::uint32_t value, const int* descriptors, unsigned count) {
  Message message;
  message.kind = kind;
  message.value = value;
  iovec part{&message, sizeof message};
  ControlBuffer control;
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (count > kMaxDescriptors) return -EINVAL;
  if (count > 0) {
    header.msg_control = control.bytes;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* first = CMSG_FIRSTHDR(&header);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int) * count);
    int* payload = reinterpret_cast<int*>(CMSG_DATA(first));
    for (unsigned i = 0; i < count; ++i) payload[i] = descriptors[i];
  }
  long sent;
  do sent = sys::raw::call(SYS_sendmsg, context.channel, &header, MSG_NOSIGNAL);
  while (sent == -EINTR);
  return sent < 0 ? static_cast<int>(sent) : 0;
}

int receive_message(Context& context, Message& message, int* descriptor) {
  iovec part{&message, sizeof message};
  ControlBuffer control;
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof control.bytes;
  long received;
  do received = sys::raw::call(SYS_recvmsg, context.channel, &header, MSG_CMSG_CLOEXEC);
  while (received == -EINTR);
  if (received < 0) return static_cast<int>(received);
  if (received != static_cast<long>(sizeof message)) return -EPIPE;
  const cmsghdr* first = header.msg_controllen >= sizeof(cmsghdr) ? CMSG_FIRSTHDR(&header) : nullptr;
  if (first != nullptr && first->cmsg_type == SCM_RIGHTS && descriptor != nullptr) {
    *descriptor = *reinterpret_cast<const int*>(CMSG_DATA(first));
  }
  return 0;
}

bool keeps_debug_log(const BlobView& blob) {
  constexpr std::uint32_t kDebug = 1;  // log::Level, whose header is not for this side
  const MonitorSettings& settings = blob.settings();
  return (blob.has(settings.log_file) || settings.syslog_facility != 0) && blob.settings().log_level <= kDebug;
}

void send_note(Frame& frame, MessageKind kind, Message& message) {
  message.kind = kind;
  message.failure.step = frame.failure.step;
  long sent;
  do sent = sys::raw::call(SYS_sendto, frame.context.channel, &message, sizeof message, MSG_NOSIGNAL, nullptr, 0);
  while (sent == -EINTR);
}

int step_await(Frame& frame) {
  Message message;
  const int result = receive_message(frame.context, message, nullptr);
  if (result < 0) return refuse(frame, result, "recvmsg", "the monitor");
  if (message.kind != MessageKind::kReached || message.value != static_cast<std::uint32_t>(frame.num(0))) {
    return refuse(frame, -EPROTO, "recvmsg", "the monitor");
  }
  return 0;
}

int step_release(Frame& frame) {
  return check(frame, send_message(frame.context, MessageKind::kReached, static_cast<std::uint32_t>(frame.num(0)), nullptr, 0),
               "sendmsg", "the monitor");
}

}  // namespace berth::child
