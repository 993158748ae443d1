// Runs in: host commands.
#include "cli/listing.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <regex.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/defer.hpp"
#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "os/paths.hpp"
#include "runtime/container.hpp"
#include "runtime/inspect.hpp"
#include "runtime/list.hpp"
#include "runtime/summary.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

// regex(3) of one command.
class Pattern {
 public:
  static Result<Pattern> compile(const std::string& text) {
    Pattern pattern;
    pattern.compiled_ = std::make_unique<regex_t>();
    const int code = ::regcomp(pattern.compiled_.get(), text.c_str(), REG_EXTENDED | REG_NOSUB);
    if (code == 0) return pattern;
    char why[128];
    ::regerror(code, pattern.compiled_.get(), why, sizeof why);
    pattern.compiled_.reset();
    return fail(Error::message(strings::cat("--filter: '", text, "' is not a regular expression")).because(why));
  }
  Pattern(Pattern&&) = default;
  Pattern& operator=(Pattern&&) = delete;
  ~Pattern() {
    if (compiled_) ::regfree(compiled_.get());
  }
  [[nodiscard]] bool matches(const std::string& text) const {
    return ::regexec(compiled_.get(), text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  Pattern() = default;
  std::unique_ptr<regex_t> compiled_;
};

class Lister {
 public:
  Lister(const Selection& selection, unsigned needs) : selection_(selection), needs_(needs) {}

  // One kind of fact after the other, so that what is asked of all containers is asked in one pass, and only of those left.
  Result<std::vector<Listed>> run() {
    if (selection_.pattern) pattern_.emplace(TRY(Pattern::compile(*selection_.pattern)));
    for (runtime::ListEntry& entry : TRY(runtime::list_all(selection_.lxcpath))) add(std::move(entry));
    if (asks_monitors()) ask_monitors();
    std::erase_if(found_, [this](const Listed& container) { return !state_wanted(container); });
    if (needs(kNeedConfig) || !selection_.groups.empty()) read_configs();
    std::erase_if(found_, [this](const Listed& container) { return !has_groups(container); });
    if (needs(kNeedAddresses | kNeedInterfaces)) read_networks();
    if (needs(kNeedMemory)) TRY(read_memory());
    if (selection_.nesting > 0) add_nested();
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool needs(unsigned bits) const { return (needs_ & bits) != 0; }

  void add(runtime::ListEntry entry) {
    if ((selection_.only_active && !entry.active) || (selection_.only_defined && !entry.defined)) return;
    if (pattern_ && !pattern_->matches(entry.name)) return;
    Listed& container = found_.emplace_back();
    container.name = std::move(entry.name);
    container.defined = entry.defined;
    container.active = entry.active;
  }

  [[nodiscard]] bool filters_by_state() const { return selection_.running || selection_.frozen || selection_.stopped; }

  [[nodiscard]] bool state_wanted(const Listed& container) const {
    if (!filters_by_state()) return true;
    switch (container.state.value_or(runtime::State::kStarting)) {
      case runtime::State::kRunning:
        return selection_.running;
      case runtime::State::kFrozen:
        return selection_.frozen;
      case runtime::State::kStopped:
        return selection_.stopped;
      default:
        return false;
    }
  }

  [[nodiscard]] bool has_groups(const Listed& container) const {
    return std::all_of(selection_.groups.begin(), selection_.groups.end(), [&](const std::string& group) {
      return std::find(container.groups.begin(), container.groups.end(), group) != container.groups.end();
    });
  }

  [[nodiscard]] bool needs_pid() const { return needs(kNeedPid | kNeedAddresses | kNeedInterfaces) || selection_.nesting > 0; }
  [[nodiscard]] bool asks_monitors() const { return needs(kNeedState) || filters_by_state() || needs_pid(); }

  [[nodiscard]] runtime::CommandClient client_of(const Listed& container) const { return {selection_.lxcpath, container.name}; }

  // A monitor that does not answer us is another user's: its facts stay empty.
  void ask_monitors() {
    std::vector<Listed*> asked;
    std::vector<runtime::CommandClient> clients;
    for (Listed& container : found_) {
      if (!container.active) continue;
      asked.push_back(&container);
      clients.push_back(client_of(container));
    }
    const auto answers = runtime::CommandClient::vitals_of(clients);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      Listed& container = *asked[i];
      container.state = answers[i] ? std::optional(answers[i]->state) : std::nullopt;
      if (!needs_pid() || container.state.value_or(runtime::State::kStopped) == runtime::State::kStopped) continue;
      container.pid = answers[i]->init;
      if (container.pid) continue;
      if (const auto pid = clients[i].init_pid()) container.pid = *pid;
    }
  }

  void read_networks() {
    const auto visitor = runtime::NetworkVisitor::create(runtime::NetworkVisitor::Who::kSelf);
    if (!visitor) return;
    for (Listed& container : found_) {
      if (!container.pid) continue;
      const auto links = needs(kNeedInterfaces) ? visitor->links_of(*container.pid) : visitor->addressed_links_of(*container.pid);
      if (!links) continue;
      for (const os::Link& link : *links) container.interfaces.push_back(link.name);
      container.ipv4 = runtime::shown_addresses(*links, AF_INET);
      container.ipv6 = runtime::shown_addresses(*links, AF_INET6);
    }
  }

  Status read_memory() {
    const cgroup::Host host = TRY(cgroup::detect_host());
    for (Listed& container : found_) {
      if (!container.active) continue;
      const auto stats = runtime::read_stats(client_of(container), host, runtime::StatsKind::kMemory);
      if (!stats) continue;
      container.memory = stats->memory;
      container.swap = stats->swap;
    }
    return {};
  }

  // A configuration with an error in it shows as one without values: listing must not stop at it.
  void read_configs() {
    runtime::SummaryReader reader;
    for (Listed& container : found_) {
      if (!container.defined) continue;
      const auto summary = reader.read(strings::cat(selection_.lxcpath, '/', container.name, "/config"));
      if (!summary) continue;
      container.autostart = summary->autostart;
      container.unprivileged = summary->unprivileged;
      container.groups = summary->groups;
    }
  }

  void add_nested() {
    std::vector<Listed> outer = std::exchange(found_, {});
    for (Listed& container : outer) {
      const std::optional<pid_t> init = container.pid;
      const std::string parent = container.name + "/";
      found_.push_back(std::move(container));
      if (init) add_nested_of(*init, parent, 1);
    }
  }

  // Containers that a container keeps in its own default lxcpath, as far as this process may look into its root. Which of them
  // run is told by the sockets of its network namespace; their monitors can't be asked from here.
  void add_nested_of(pid_t init, const std::string& parent, unsigned depth) {
    const std::string proc = strings::cat("/proc/", init);
    const auto root = sys::open(proc + "/root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!root) return;
    const auto directory = os::open_below(root->get(), selection_.lxcpath, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!directory) return;
    const auto names = runtime::list_defined_in(directory->get(), selection_.lxcpath);
    const auto sockets = sys::read_file(proc + "/net/unix");
    if (!names) return;
    const auto active = sockets ? runtime::parse_unix_sockets(*sockets, selection_.lxcpath).names : std::vector<std::string>{};
    for (const std::string& name : *names) {
      Listed container;
      container.name = name;
      container.parent = parent;
      container.depth = depth;
      container.defined = true;
      container.active = std::binary_search(active.begin(), active.end(), name);
      if (container.active) container.state = runtime::State::kRunning;
      if (state_wanted(container) && selection_.groups.empty()) found_.push_back(std::move(container));
    }
  }

  const Selection& selection_;
  unsigned needs_;
  std::optional<Pattern> pattern_;
  std::vector<Listed> found_;
};

}  // namespace

Result<std::vector<Listed>> list_containers(const Selection& selection, unsigned needs) { return Lister(selection, needs).run(); }

}  // namespace berth::cli
