// Runs in: the monitor, and its last child.
#include "monitor/farewell.hpp"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runtime/host_steps.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/raw.hpp"

namespace berth::monitor {
namespace {

constexpr std::string_view kCategory = "farewell";

struct OwnGroup {
  std::string directory;
  std::string root;  // of its hierarchy
  bool unified;
};

std::vector<OwnGroup> own_groups(const child::BlobView& blob) {
  const child::StringList directories = blob.list(blob.settings().monitor_cgroups);
  const child::StringList paths = blob.list(blob.settings().cgroup_paths);
  std::vector<OwnGroup> groups;
  for (std::uint32_t i = 0; i < directories.size(); ++i) {
    OwnGroup group{directories[i], {}, false};
    for (std::uint32_t j = 0; j + 3 < paths.size(); j += 4) {
      const std::string root = paths[j + 3];
      if (root.size() <= group.root.size() || !std::string_view(group.directory).starts_with(root + "/")) continue;
      group.root = root;
      group.unified = paths[j][0] == '\0';
    }
    if (!group.root.empty()) groups.push_back(std::move(group));
  }
  return groups;
}

void complain(const Status& result) {
  if (!result) log::debug(kCategory, result.error().line());
}

// v1: one thread moves itself by `tasks`, without the lock that cgroup.procs takes (docs/adr/0003).
void move_to_root(const OwnGroup& group) {
  if (sys::write_attribute(group.root + "/tasks", "0")) return;
  complain(sys::write_attribute(group.directory.substr(0, group.directory.rfind('/')) + "/tasks", "0"));
}

Result<Fd> open_pivot(const child::BlobView& blob, const OwnGroup& group) {
  const std::string pivot = blob.text(blob.settings().pivot_cgroup);
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  if (pivot.empty()) return sys::open(group.root, kFlags);
  constexpr mode_t kMode = 0755;
  TRY(sys::ensure_directory(pivot, kMode));
  return sys::open(pivot, kFlags);
}

void wait_for(int pidfd) {
  pollfd state{pidfd, POLLIN, 0};
  while (sys::raw::call(SYS_ppoll, &state, 1, nullptr, nullptr, 8) == -EINTR) continue;
}

// The kernel closes what a process leaves in no order that could be relied on: a starter that goes on at the end of its line must
// not find the command socket any more.
void stop_listening(int listening) {
  if (listening >= 0) sys::raw::call(SYS_close, listening);
}

// The last process: born outside of the group, waits until the monitor is out of it too.
[[noreturn]] void remove_after(const child::BlobView& blob, const std::vector<bool>& done, const Fd& monitor,
                               const OwnGroup& group, int listening) {
  wait_for(monitor.get());
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Status removed = sys::remove_directory(group.directory);
    if (removed || removed.error().code() != EBUSY) break;
    const timespec pause{0, 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  runtime::remove_monitor_cgroups(blob, done);
  stop_listening(listening);
  ::_exit(0);
}

// True when a last process is on its way.
bool start_last_process(const child::BlobView& blob, const std::vector<bool>& done, const OwnGroup& group, int listening) {
  const auto monitor = sys::open_pidfd(sys::current_pid());
  const auto pivot = open_pivot(blob, group);
  if (!monitor || !pivot) return false;
  const auto last = sys::clone(0, pivot->get());
  if (last && last->pid == 0) remove_after(blob, done, *monitor, group, listening);
  if (last) return true;
  log::debug(kCategory, last.error().line());
  complain(sys::write_attribute_at(pivot->get(), "cgroup.procs", "0"));
  return false;
}

}  // namespace

void leave(const child::BlobView& blob, const std::vector<bool>& done, int status, int listening) {
  bool last_process = false;
  for (const OwnGroup& group : own_groups(blob)) {
    // Who waited for the stop is answered, and often wants this very processor: it shall not wait for groups that go meanwhile.
    sys::raw::call(SYS_sched_yield);
    if (group.unified) {
      last_process = start_last_process(blob, done, group, listening) || last_process;
    } else {
      move_to_root(group);
      if (!last_process) complain(runtime::remove_cgroup(blob, group.directory, false));
    }
  }
  if (!last_process) runtime::remove_monitor_cgroups(blob, done);
  stop_listening(listening);
  ::_exit(status);
}

}  // namespace berth::monitor
