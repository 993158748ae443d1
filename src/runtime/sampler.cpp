// Runs in: host commands.
#include "runtime/sampler.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "runtime/list.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr int kAnswerSeconds = 2;  // a monitor that hangs must not stop the picture of the others

// 0: it can't be told.
std::uint64_t network_inode(std::string_view process) {
  const auto info = sys::stat(strings::cat("/proc/", process, "/ns/net"));
  return info ? info->st_ino : 0;
}

std::vector<CommandClient> clients_of(const std::string& lxcpath, const std::vector<std::string>& names) {
  std::vector<CommandClient> clients;
  clients.reserve(names.size());
  for (const std::string& name : names) clients.emplace_back(CommandClient(lxcpath, name)).set_timeout(kAnswerSeconds);
  return clients;
}

}  // namespace

Result<Sampler> Sampler::create(std::vector<std::string> lxcpaths) {
  std::vector<std::string> each_once;
  for (std::string& path : lxcpaths) {
    if (std::ranges::find(each_once, path) == each_once.end()) each_once.push_back(std::move(path));
  }
  // Who may not visit networks still sees the rest.
  auto visitor = NetworkVisitor::create(NetworkVisitor::Who::kSelf);
  return Sampler(std::move(each_once), TRY(cgroup::detect_host()), visitor ? std::optional(std::move(*visitor)) : std::nullopt,
                 network_inode("thread-self"));
}

Result<Sample> Sampler::take() {
  Sample sample;
  std::map<Key, Known> seen;
  sample.wall = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  for (const std::string& lxcpath : lxcpaths_) TRY(add_all_of(lxcpath, seen, sample));
  known_ = std::move(seen);  // what is gone is forgotten
  return sample;
}

Status Sampler::add_all_of(const std::string& lxcpath, std::map<Key, Known>& seen, Sample& sample) {
  const std::vector<std::string> names = TRY(list_active(lxcpath));
  const std::vector<CommandClient> clients = clients_of(lxcpath, names);
  const auto answers = CommandClient::vitals_of(clients);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!answers[i]) {
      sample.silent.push_back(strings::cat(lxcpath, '/', names[i]));
      continue;
    }
    if (answers[i]->state == State::kStopped) continue;
    auto init = answers[i]->init;
    if (!init) {
      if (const auto pid = clients[i].init_pid()) init = *pid;  // one of LXC's monitors
    }
    if (!init) continue;  // about to start
    if (auto usage = usage_of(clients[i], {lxcpath, names[i]}, *init, seen)) sample.usages.push_back(std::move(*usage));
  }
  return {};
}

std::optional<Usage> Sampler::usage_of(const CommandClient& client, Key key, pid_t init, std::map<Key, Known>& seen) {
  const auto known = known_.find(key);
  Known now = known != known_.end() && known->second.init == init
                  ? std::move(known->second)
                  : Known{init, stats_directories(client, host_, StatsKind::kLoad)};
  const auto monotonic = std::chrono::steady_clock::now().time_since_epoch();
  auto load = cgroup::read_load(now.directories);
  if (!load) return std::nullopt;  // it ended
  Usage usage{key.first, key.second, init, std::move(*load), interfaces_of(init), monotonic};
  seen.emplace(std::move(key), std::move(now));
  return usage;
}

std::optional<std::vector<os::Link>> Sampler::interfaces_of(pid_t init) const {
  if (!visitor_ || network_inode(std::to_string(init)) == own_network_) return std::nullopt;
  auto links = visitor_->counted_links_of(init);
  if (!links) return std::nullopt;
  std::erase_if(*links, [](const os::Link& link) { return link.loopback; });
  return std::move(*links);
}

}  // namespace berth::runtime
