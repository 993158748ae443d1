// Runs in: the monitor, commands that freeze a container themselves.
#include "runtime/announcer.hpp"

#include <signal.h>
#include <time.h>

#include <cerrno>

#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"

namespace berth::runtime {

namespace {

constexpr std::size_t kSigsetSize = 8;

// A pipe that loses its reader meanwhile must not kill the caller: the signal is caught by nobody, and taken back.
class NoPipeSignal {
 public:
  NoPipeSignal() { (void)sys::raw::call(SYS_rt_sigprocmask, SIG_BLOCK, &kMask, &before_, kSigsetSize); }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;
  ~NoPipeSignal() { (void)sys::raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, kSigsetSize); }
  void take() const {
    constexpr timespec kNow{0, 0};
    (void)sys::raw::call(SYS_rt_sigtimedwait, &kMask, nullptr, &kNow, kSigsetSize);
  }

 private:
  static constexpr unsigned long kMask = 1UL << (SIGPIPE - 1);
  unsigned long before_ = 0;
};

}  // namespace

Status announce(const std::string& fifo, const StateMessage& message) {
  const Fd file = TRY(sys::open(fifo, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
  const struct ::stat info = TRY(sys::stat_fd(file.get()));
  const bool ours = info.st_uid == 0 || info.st_uid == sys::effective_uid();
  if (!S_ISFIFO(info.st_mode) || !ours || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Error::from_errno(EPERM, "open", fifo));
  // Below PIPE_BUF: all of it or nothing.
  const NoPipeSignal quiet;
  const long written = sys::raw::call(SYS_write, file.get(), &message, sizeof message);
  if (written == -EPIPE) quiet.take();
  if (written == static_cast<long>(sizeof message)) return {};
  return fail(Error::from_errno(written < 0 ? static_cast<int>(-written) : EIO, "write", fifo));
}

}  // namespace berth::runtime
