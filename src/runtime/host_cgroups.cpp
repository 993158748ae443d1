// Runs in: the starting command (undoing) and the monitor.
#include <dirent.h>
#include <signal.h>
#include <time.h>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runtime/host_steps.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

constexpr int kAttempts = 200;
constexpr long kPauseNs = 1'000'000;

bool below_or_same(std::string_view path, std::string_view ancestor) {
  return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

void pause_briefly() {
  const timespec time{0, kPauseNs};
  ::nanosleep(&time, nullptr);
}

// Processes that outlived the container's first process (a shared pid namespace), or that are just ending.
void kill_members(const std::string& directory) {
  if (sys::write_attribute(directory + "/cgroup.kill", "1")) return;
  const auto members = sys::read_file(directory + "/cgroup.procs");
  if (!members) return;
  for (const std::string_view word : strings::split_words(*members)) {
    const auto pid = strings::parse_number<pid_t>(word);
    // 0 stands for a process of another pid namespace; one that has ended meanwhile needs no signal.
    if (pid && *pid > 0 && *pid != sys::current_pid()) [[maybe_unused]]
      const Status ignored = sys::kill(*pid, SIGKILL);
  }
}

// Groups that the container made below its own; they go first.
Status remove_children(const std::string& directory, bool kill) {
  const auto entries = sys::list_directory(directory);
  if (!entries) return entries.error().code() == ENOENT ? Status{} : Status(fail(entries.error()));
  for (const sys::DirectoryEntry& entry : *entries) {
    if (entry.type == DT_DIR) TRY(remove_cgroup_tree(strings::cat(directory, '/', entry.name), kill));
  }
  return {};
}

}  // namespace

Status remove_cgroup_tree(const std::string& directory, bool kill) {
  Status removed = sys::remove_directory(directory);
  for (int attempt = 0; !removed && attempt < kAttempts; ++attempt) {
    const int code = removed.error().code();
    if (code == ENOENT) return {};
    if (code != EBUSY && code != ENOTEMPTY) return removed;
    if (attempt > 0) pause_briefly();
    if (kill) kill_members(directory);
    TRY(remove_children(directory, kill));
    removed = sys::remove_directory(directory);
  }
  return removed;
}

bool is_payload_group(const child::BlobView& blob, std::string_view directory) {
  const child::StringList paths = blob.list(blob.settings().cgroup_paths);
  for (std::uint32_t i = 0; i + 3 < paths.size(); i += 4) {
    const std::string_view root = paths[i + 3];
    if (!directory.starts_with(root)) continue;
    for (const std::uint32_t which : {i + 1, i + 2}) {
      const std::string_view below = paths[which];
      if (below.size() > 1 && below_or_same(directory.substr(root.size()), below)) return true;
    }
  }
  return false;
}

Status remove_cgroup(const child::BlobView& blob, const std::string& directory, bool kill) {
  if (is_payload_group(blob, directory)) return remove_cgroup_tree(directory, kill);
  const Status removed = sys::remove_directory(directory);
  if (removed) return {};
  const int code = removed.error().code();
  if (code == ENOENT || code == EBUSY || code == ENOTEMPTY) return {};
  return removed;
}

void remove_monitor_cgroups(const child::BlobView& blob, const std::vector<bool>& done) {
  for (std::uint32_t i = blob.step_count(); i > 0; --i) {
    const child::Step& step = blob.step(i - 1);
    const char* directory = blob.text(step.text[0]);
    if (step.op != child::Op::kMakeCgroup || !done[i - 1] || is_payload_group(blob, directory)) continue;
    // A group that others use stays, as documented; there is nobody left to tell about another failure.
    [[maybe_unused]] const Status ignored = remove_cgroup(blob, directory, false);
  }
}

}  // namespace berth::runtime
