// Runs in: the monitor, and its guardian.
#include "monitor/guardian.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/log.hpp"
#include "os/lock.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"

namespace berth::monitor {
namespace {

constexpr std::string_view kCategory = "guardian";
constexpr timespec kPause = {0, 50'000'000};
// All descriptors but those of `kept`, which may have gaps and be unordered.
void close_others(std::vector<int> kept) {
  std::ranges::sort(kept);
  unsigned from = 0;
  for (const int fd : kept) {
    if (fd < 0 || static_cast<unsigned>(fd) < from) continue;
    if (static_cast<unsigned>(fd) > from) sys::raw::call(SYS_close_range, from, fd - 1, 0);
    from = static_cast<unsigned>(fd) + 1;
  }
  sys::raw::call(SYS_close_range, from, ~0U, 0);
}

// Nobody's signals end it but SIGKILL: a terminal's hang-up, an administrator's signal to the group.
void stand_alone() {
  sigset_t all;
  std::memset(&all, 0xff, sizeof all);
  [[maybe_unused]] const Status blocked = sys::block_signals(all);
  sys::raw::call(SYS_setsid);
  sys::raw::call(SYS_prctl, PR_SET_NAME, "berth-guardian", 0, 0, 0);
}

// Held as long as it lives: the next start of the container waits for it.
std::optional<os::FileLock> hold(const std::string& name_lock) {
  if (name_lock.empty()) return std::nullopt;
  auto lock = os::FileLock::try_acquire(os::guardian_lock_file(name_lock));
  return lock ? std::move(*lock) : std::nullopt;
}

// Those of the monitor, which may not be there itself yet.
void join_groups(const child::BlobView& blob, runtime::HostContext& context) {
  child::Failure ignored;
  for (std::uint32_t i = 0; i < blob.step_count(); ++i) {
    if (blob.step(i).op == child::Op::kJoinCgroup) runtime::run_host_step(blob, i, context, ignored);
  }
}

}  // namespace

void Guardian::expect(std::uint32_t step) {
  if (step < due_.size()) due_[step] = 1;
}

std::vector<bool> Guardian::due() const {
  std::vector<bool> steps(blob_.step_count());
  for (std::uint32_t i = 0; i < steps.size() && i < due_.size(); ++i) steps[i] = due_[i] != 0;
  return steps;
}

Status Guardian::share_list() {
  const std::size_t size = blob_.step_count();
  const long memory = sys::raw::call(SYS_mmap, nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory < 0 && memory > -4096) return fail(Error::from_errno(static_cast<int>(-memory), "mmap", "the guardian's list"));
  due_ = {reinterpret_cast<volatile std::uint8_t*>(memory), size};
  return {};
}

Status Guardian::start(runtime::HostContext& context, int log) {
  if (due_.empty()) TRY(share_list());
  for (volatile std::uint8_t& step : due_) step = 0;  // of the start before a reboot
  const Fd self = TRY(sys::open_pidfd(sys::current_pid()));
  sys::Cloned cloned = TRY(sys::clone(0));
  if (cloned.pid == 0) watch(self, context, log);
  pid_ = cloned.pid;
  pidfd_ = std::move(cloned.pidfd);
  return {};
}

void Guardian::watch(const Fd& monitor, runtime::HostContext& context, int log) const {
  std::vector<int> kept = {monitor.get(), log};
  for (std::uint32_t i = 0; i < blob_.step_count(); ++i) {
    const child::Step& step = blob_.step(i);
    if (step.op != child::Op::kOpenNetwork) continue;
    kept.push_back(context.slots[step.num[0]].get());
    kept.push_back(context.slots[step.num[1]].get());
  }
  close_others(std::move(kept));
  stand_alone();
  const auto lock = hold(blob_.text(blob_.settings().name_lock));
  join_groups(blob_, context);
  pollfd end{monitor.get(), POLLIN, 0};
  while (sys::raw::call(SYS_ppoll, &end, 1, nullptr, nullptr, 8) != 1) ::nanosleep(&kPause, nullptr);
  take_back(context);
  ::_exit(0);
}

void Guardian::take_back(runtime::HostContext& context) const {
  const std::vector<std::uint32_t> order = runtime::undo_order(blob_, due());
  if (order.empty()) return;
  log::write(log::Level::kWarn, kCategory, "the monitor was killed: taking back what it made for the container's networks");
  for (const std::uint32_t index : order) {
    child::Failure failure;
    if (runtime::run_host_step(blob_, index, context, failure)) continue;
    log::write(log::Level::kError, kCategory,
               std::string("not taken back: ") + blob_.text(blob_.step(index).doing) + ": " + errno_name(failure.error));
  }
}

void Guardian::dismiss() {
  if (!pidfd_) return;
  [[maybe_unused]] const Status ignored = sys::send_signal(pidfd_.get(), SIGKILL);
  [[maybe_unused]] const auto status = sys::wait_pidfd(pidfd_.get());
  pidfd_.reset();
  pid_ = 0;
}

}  // namespace berth::monitor
