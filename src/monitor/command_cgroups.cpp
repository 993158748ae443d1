// Runs in: the monitor. The commands about control groups: where they are, and the freezer.
#include <sys/statfs.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/strings.hpp"
#include "monitor/commands.hpp"
#include "monitor/groups.hpp"
#include "sys/file.hpp"

namespace berth::monitor {

using runtime::CgroupContext;
using runtime::CgroupQuestion;
using runtime::State;

namespace {

constexpr int kPathFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr int kFreezerPauseMs = 2;
constexpr int kFreezerIdlePauseMs = 50;

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

Reply reply_with(std::vector<Fd>& opened) {
  Reply reply;
  for (Fd& fd : opened) reply.owned.push_back(std::move(fd));
  for (const Fd& fd : reply.owned) reply.descriptors.push_back(fd.get());
  return reply;
}

}  // namespace

Reply Commands::get_cgroup(std::string_view data, bool limit) const {
  const bool is_text = data.empty() || data.find('\0') == data.size() - 1;
  if (!is_text) return Reply::error(EINVAL);
  const std::vector<Group> groups = groups_of(blob_);
  const Group* group = find_group(groups, data.empty() ? std::string_view{} : std::string_view(data.data()));
  if (group == nullptr) return Reply::error(ENOENT);
  return Reply::text(limit ? group->limit : group->payload);
}

Reply Commands::get_unified_descriptor(bool limit) const {
  const std::vector<Group> groups = groups_of(blob_);
  // A client that gets a descriptor uses nothing but the unified hierarchy, so on other layouts LXC gives none.
  if (groups.empty() || layout_of(groups) != runtime::CgroupLayout::kUnified) return Reply::error(EINVAL);
  auto directory = sys::open(groups.front().directory(limit), kPathFlags);
  if (!directory) return Reply::error(directory.error().code());
  std::vector<Fd> opened;
  opened.push_back(std::move(*directory));
  return reply_with(opened);
}

Reply Commands::get_cgroup_descriptor(const Request& request, bool limit) const {
  CgroupQuestion wire{};
  if (request.data.size() != sizeof wire) return Reply::error(EINVAL);
  std::memcpy(&wire, request.data.data(), sizeof wire);
  if (std::memchr(wire.controller, '\0', sizeof wire.controller) == nullptr) return Reply::error(EINVAL);
  const std::vector<Group> groups = groups_of(blob_);
  const Group* group = find_group(groups, wire.controller);
  if (group == nullptr) return Reply::error(ENOENT);
  auto directory = sys::open(group->directory(limit), kPathFlags);
  if (!directory) return Reply::error(directory.error().code());
  const auto filesystem = sys::stat_filesystem(group->root);
  wire.layout = static_cast<std::int32_t>(layout_of(groups));
  wire.filesystem = filesystem ? static_cast<std::uint32_t>(filesystem->f_type) : 0;
  wire.descriptor = directory->get();
  std::vector<Fd> opened;
  opened.push_back(std::move(*directory));
  Reply reply = reply_with(opened);
  reply.data.assign(reinterpret_cast<const char*>(&wire), sizeof wire);
  return reply;
}

Reply Commands::get_cgroup_context(const Request& request) const {
  if (request.data.size() != sizeof(CgroupContext)) return Reply::error(EINVAL);
  const std::vector<Group> groups = groups_of(blob_);
  CgroupContext wire{};
  wire.layout = static_cast<std::int32_t>(layout_of(groups));
  std::fill(std::begin(wire.descriptors), std::end(wire.descriptors), -1);
  std::vector<Fd> opened;
  std::vector<std::string> seen;
  for (const Group& group : groups) {
    const std::string directory = group.directory(false);
    const bool again = std::find(seen.begin(), seen.end(), directory) != seen.end();
    if (again || opened.size() >= runtime::kMostCgroups) continue;
    auto fd = sys::open(directory, kPathFlags);
    if (!fd) return Reply::error(fd.error().code());
    wire.descriptors[opened.size()] = fd->get();
    opened.push_back(std::move(*fd));
    seen.push_back(directory);
  }
  wire.count = static_cast<std::int32_t>(opened.size());
  Reply reply = reply_with(opened);
  reply.data.assign(reinterpret_cast<const char*>(&wire), sizeof wire);
  return reply;
}

// --- freezer -------------------------------------------------------------------------------------------------------------

Reply Commands::change_freezer(const Request& request, bool frozen) {
  if (!freezer_.available()) return Reply::error(EOPNOTSUPP);
  if (!alive()) return Reply::error(ESRCH);
  if (freezing_to_ != frozen) finish_freezing(-ECANCELED);  // the last word counts
  if (auto asked = freezer_.request(frozen); !asked) return Reply::error(asked.error().code());
  freezing_to_ = frozen;
  const State on_the_way = frozen ? State::kFreezing : State::kThawed;
  if (container_.state != on_the_way && container_.state != (frozen ? State::kFrozen : State::kRunning)) {
    control_.change_state(on_the_way);
  }
  const auto seconds = static_cast<std::int32_t>(request.argument);
  constexpr std::int64_t kAtOnceMs = 50;
  const std::int64_t limit = seconds < 0 ? -1 : now_ms() + std::max<std::int64_t>(std::int64_t{seconds} * 1000, kAtOnceMs);
  freezing_.push_back({&request.connection, limit});
  loop_.set_timer(0, freezer_timer_);
  Reply reply;
  reply.then = Reply::Then::kLater;
  return reply;
}

void Commands::finish_freezing(int result) {
  std::vector<Waiter> waiters;
  waiters.swap(freezing_);
  Reply reply;
  reply.result = result;
  for (const Waiter& waiter : waiters) server_->answer(*waiter.connection, reply);
}

void Commands::poll_freezer() {
  const auto reached = freezer_.reached(freezing_to_);
  if (!reached) return finish_freezing(-reached.error().code());
  if (*reached) {
    const State state = freezing_to_ ? State::kFrozen : State::kRunning;
    if (alive() && container_.state != state) control_.change_state(state);
    return finish_freezing(0);
  }
  if (const auto asked = freezer_.repeat(); !asked) return finish_freezing(-asked.error().code());
  const std::int64_t now = now_ms();
  const Reply late = Reply::error(ETIMEDOUT);
  for (std::size_t i = freezing_.size(); i-- > 0;) {
    if (freezing_[i].deadline < 0 || freezing_[i].deadline > now) continue;
    Connection& connection = *freezing_[i].connection;
    freezing_.erase(freezing_.begin() + static_cast<std::ptrdiff_t>(i));
    server_->answer(connection, late);
  }
  // The state is followed to its end even when nobody waits any more.
  const bool on_the_way = container_.state == (freezing_to_ ? State::kFreezing : State::kThawed);
  if (!freezing_.empty())
    loop_.set_timer(kFreezerPauseMs, freezer_timer_);
  else if (alive() && on_the_way)
    loop_.set_timer(kFreezerIdlePauseMs, freezer_timer_);
}

}  // namespace berth::monitor
