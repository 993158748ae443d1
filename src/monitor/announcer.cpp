// Runs in: the monitor, which has SIGPIPE blocked.
#include "monitor/announcer.hpp"

#include <cerrno>

#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"

namespace berth::monitor {

Status announce(const std::string& fifo, const runtime::StateMessage& message) {
  const Fd file = TRY(sys::open(fifo, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
  const struct ::stat info = TRY(sys::stat_fd(file.get()));
  const bool ours = info.st_uid == 0 || info.st_uid == sys::effective_uid();
  if (!S_ISFIFO(info.st_mode) || !ours || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Error::from_errno(EPERM, "open", fifo));
  // Below PIPE_BUF: all of it or nothing.
  const long written = sys::raw::call(SYS_write, file.get(), &message, sizeof message);
  if (written == static_cast<long>(sizeof message)) return {};
  return fail(Error::from_errno(written < 0 ? static_cast<int>(-written) : EIO, "write", fifo));
}

}  // namespace berth::monitor
