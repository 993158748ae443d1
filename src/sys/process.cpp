// Runs in: every process on the host's side. clone() returns twice: the child may use raw calls only.
#include "sys/process.hpp"

#include <fcntl.h>
#include <linux/wait.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include <limits>

#include "base/strings.hpp"
#include "sys/features.hpp"
#include "sys/outcome.hpp"

namespace berth::sys {

using detail::owned;
using detail::refusal;
using detail::retry;
using detail::status;

namespace {

constexpr std::size_t kKernelSigsetSize = 8;

std::string pid_name(pid_t pid) { return strings::cat("pid ", pid); }

int wait_form(const siginfo_t& info) {
  constexpr int kCoreFlag = 0x80;
  if (info.si_code == CLD_EXITED) return (info.si_status & 0xff) << 8;
  return info.si_code == CLD_DUMPED ? info.si_status | kCoreFlag : info.si_status;
}

// The status of a process that somebody else has waited for. Nothing where the kernel does not keep it.
std::optional<int> kept_status(int pidfd) {
  struct Info {                    // struct pidfd_info of <linux/pidfd.h>, as far as its first version goes
    std::uint64_t mask = 1U << 3;  // PIDFD_INFO_EXIT
    std::uint64_t cgroup = 0;
    std::uint32_t ids[11] = {};
    std::int32_t exit_code = 0;  // wait(2) form
  } info;
  static_assert(sizeof info == 64);
  constexpr unsigned long kGetInfo = 0xc040ff0b;  // PIDFD_GET_INFO
  const bool known = raw::call(SYS_ioctl, pidfd, kGetInfo, &info) >= 0 && (info.mask & 1U << 3) != 0;
  return known ? std::optional<int>(info.exit_code) : std::nullopt;
}

bool has_ended(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  constexpr timespec kNow{0, 0};
  return retry(SYS_ppoll, &entry, 1, &kNow, nullptr, kKernelSigsetSize) != 0;
}

std::unexpected<Error> status_taken() {
  return fail(Error::from_errno(ECHILD, "waitid", "pidfd")
                  .because("this program ignores SIGCHLD, or waits for children that are not its own")
                  .hint("give SIGCHLD its default action, or run a kernel that keeps what it told (Linux 6.15)"));
}

// clone(2) as it was before clone3: 32 bits of flags, the lowest eight of them the signal, no cgroup.
Result<Cloned> clone_classic(std::uint64_t flags, int cgroup_fd) {
  constexpr std::uint64_t kSignalBits = 0xff;
  if (cgroup_fd >= 0 || (flags & kSignalBits) != 0 || flags > std::numeric_limits<std::uint32_t>::max()) {
    return fail(
        Error::from_errno(ENOSYS, "clone3").because("this kernel, or a filter above this process, lacks clone3 (Linux 5.3)"));
  }
  int pidfd = -1;
  const long pid = raw::call(SYS_clone, flags | CLONE_PIDFD, 0, &pidfd, 0, 0);
  if (pid < 0) return refusal(pid, "clone", {});
  return Cloned{static_cast<pid_t>(pid), pid == 0 ? Fd() : Fd(pidfd)};
}

}  // namespace

pid_t current_pid() { return static_cast<pid_t>(raw::call(SYS_getpid)); }

uid_t effective_uid() { return static_cast<uid_t>(raw::call(SYS_geteuid)); }
gid_t effective_gid() { return static_cast<gid_t>(raw::call(SYS_getegid)); }

void sleep_for(std::chrono::milliseconds time) {
  const timespec length = {time.count() / 1000, time.count() % 1000 * 1'000'000};
  (void)raw::call(SYS_nanosleep, &length, nullptr);  // a signal may cut it short: callers look at their condition anyway
}

Result<std::pair<Fd, Fd>> make_pipe() {
  int ends[2] = {-1, -1};
  TRY(status(raw::call(SYS_pipe2, ends, O_CLOEXEC), "pipe2"));
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<Fd> open_pidfd(pid_t pid) { return owned(raw::call(SYS_pidfd_open, pid, 0), "pidfd_open", pid_name(pid)); }

Status send_signal(int pidfd, int signal) {
  return status(raw::call(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0), "pidfd_send_signal",
                strings::cat("signal ", signal));
}

Status send_signal_to_group(int pidfd, pid_t pid, int signal) {
  if (pid <= 1) return fail(Error::from_errno(EINVAL, "kill", pid_name(pid)));
  constexpr unsigned kProcessGroup = 1U << 2;  // PIDFD_SIGNAL_PROCESS_GROUP of <linux/pidfd.h>
  const long sent = raw::call(SYS_pidfd_send_signal, pidfd, signal, nullptr, kProcessGroup);
  return sent == -EINVAL || sent == -ENOSYS ? kill(-pid, signal) : status(sent, "pidfd_send_signal", pid_name(pid));
}

Status kill(pid_t pid, int signal) {
  return status(raw::call(SYS_kill, pid, signal), "kill", strings::cat(pid_name(pid), ", signal ", signal));
}

Result<int> wait_pidfd(int pidfd) {
  siginfo_t info{};
  const long waited = retry(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | __WALL, nullptr);
  if (waited != -ECHILD) {
    TRY(status(waited, "waitid", "pidfd"));
    return wait_form(info);
  }
  // Of a child the kernel says so only once it has ended, and somebody else was told. Who lives is a stranger.
  if (!has_ended(pidfd)) return detail::refusal(waited, "waitid", "pidfd");
  if (const auto kept = kept_status(pidfd)) return *kept;
  return status_taken();
}

void await_exit(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  (void)retry(SYS_ppoll, &entry, 1, nullptr, nullptr, kKernelSigsetSize);
}

Result<std::optional<int>> try_wait_pidfd(int pidfd) {
  siginfo_t info{};
  const long waited = retry(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG | __WALL, nullptr);
  if (waited == -ECHILD) {
    if (!has_ended(pidfd)) return std::optional<int>{};
    if (const auto kept = kept_status(pidfd)) return kept;
    return status_taken();
  }
  TRY(status(waited, "waitid", "pidfd"));
  if (info.si_pid == 0) return std::optional<int>{};
  return std::optional<int>(wait_form(info));
}

Result<int> wait_pid(pid_t pid) {
  int outcome = 0;
  TRY(status(retry(SYS_wait4, pid, &outcome, static_cast<int>(__WALL), nullptr), "wait4", pid_name(pid)));
  return outcome;
}

Status unshare(int flags, std::string_view what) { return status(raw::call(SYS_unshare, flags), "unshare", what); }

Status set_namespace(int fd, int flags, std::string_view what) { return status(raw::call(SYS_setns, fd, flags), "setns", what); }

Result<Cloned> clone(std::uint64_t flags, int cgroup_fd) {
  if (!has(Feature::kClone3)) return clone_classic(flags, cgroup_fd);
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  if (cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  // A kernel of before 5.7 knows the structure without its last member only.
  const std::size_t size = cgroup_fd >= 0 ? CLONE_ARGS_SIZE_VER2 : CLONE_ARGS_SIZE_VER0;
  const long pid = raw::call(SYS_clone3, &arguments, size);
  if (pid < 0) return refusal(pid, "clone3", {});
  return Cloned{static_cast<pid_t>(pid), pid == 0 ? Fd() : Fd(pidfd)};
}

Result<bool> adopt_orphans(bool wanted) {
  int before = 0;
  TRY(status(raw::call(SYS_prctl, PR_GET_CHILD_SUBREAPER, &before, 0, 0, 0), "prctl", "PR_GET_CHILD_SUBREAPER"));
  TRY(status(raw::call(SYS_prctl, PR_SET_CHILD_SUBREAPER, wanted ? 1UL : 0UL, 0, 0, 0), "prctl", "PR_SET_CHILD_SUBREAPER"));
  return before != 0;
}

Status set_death_signal(int signal) {
  return status(raw::call(SYS_prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl", "PR_SET_PDEATHSIG");
}

Status set_process_limit(pid_t pid, int resource, rlim64_t soft, rlim64_t hard) {
  const rlimit64 limit = {soft, hard};
  return status(raw::call(SYS_prlimit64, pid, resource, &limit, nullptr), "prlimit",
                strings::cat(pid_name(pid), ", resource ", resource, " <- ", soft, ':', hard));
}

Result<Fd> signal_fd(const sigset_t& mask) {
  return owned(raw::call(SYS_signalfd4, -1, &mask, kKernelSigsetSize, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
}

void reset_signal(int signal) {
  const unsigned long standard[8] = {};  // the kernel's struct sigaction: SIG_DFL
  (void)raw::call(SYS_rt_sigaction, signal, standard, nullptr, kKernelSigsetSize);
}

Status block_signals(const sigset_t& mask) {
  return status(raw::call(SYS_rt_sigprocmask, SIG_BLOCK, &mask, nullptr, kKernelSigsetSize), "rt_sigprocmask");
}

SignalsBlocked::SignalsBlocked() {
  const unsigned long all = ~0UL;
  (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, kKernelSigsetSize);
}

void SignalsBlocked::restore() { (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, kKernelSigsetSize); }

}  // namespace berth::sys
