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

  Result<std::vector<Listed>> run() {
    if (selection_.pattern) pattern_.emplace(TRY(Pattern::compile(*selection_.pattern)));
    if ((needs_ & kNeedMemory) != 0) host_ = TRY(cgroup::detect_host());
    for (runtime::ListEntry& entry : TRY(runtime::list_all(selection_.lxcpath))) TRY(add(std::move(entry)));
    return std::move(found_);
  }

 private:
  Status add(runtime::ListEntry entry) {
    if ((selection_.only_active && !entry.active) || (selection_.only_defined && !entry.defined)) return {};
    if (pattern_ && !pattern_->matches(entry.name)) return {};
    Listed container;
    container.name = std::move(entry.name);
    container.defined = entry.defined;
    container.active = entry.active;
    if (entry.active) ask_monitor(container);
    if (!state_wanted(container)) return {};
    if (entry.defined && ((needs_ & kNeedConfig) != 0 || !selection_.groups.empty())) read_config(container);
    if (!has_groups(container)) return {};
    const std::optional<pid_t> init = container.pid;
    const std::string name = container.name;
    found_.push_back(std::move(container));
    if (selection_.nesting > 0 && init) add_nested(*init, name + "/", 1);
    return {};
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

  // A monitor that does not answer us is another user's: its facts stay empty.
  void ask_monitor(Listed& container) const {
    const runtime::CommandClient client(selection_.lxcpath, container.name);
    if ((needs_ & kNeedState) != 0 || filters_by_state()) {
      const auto state = client.state();
      container.state = state ? std::optional(*state) : std::nullopt;
    }
    if ((needs_ & (kNeedPid | kNeedNetwork)) != 0 || selection_.nesting > 0) {
      if (const auto pid = client.init_pid()) container.pid = *pid;
    }
    if ((needs_ & kNeedNetwork) != 0 && container.pid) read_network(container);
    if ((needs_ & kNeedMemory) == 0) return;
    if (const auto stats = runtime::read_stats(client, host_)) {
      container.memory = stats->memory;
      container.swap = stats->swap;
    }
  }

  static void read_network(Listed& container) {
    const auto links = runtime::links_of(*container.pid);
    if (!links) return;
    for (const os::Link& link : *links) container.interfaces.push_back(link.name);
    container.ipv4 = runtime::shown_addresses(*links, AF_INET);
    container.ipv6 = runtime::shown_addresses(*links, AF_INET6);
  }

  // A configuration with an error in it shows as one without values: listing must not stop at it.
  void read_config(Listed& container) {
    const auto summary = summaries_.read(strings::cat(selection_.lxcpath, '/', container.name, "/config"));
    if (!summary) return;
    container.autostart = summary->autostart;
    container.unprivileged = summary->unprivileged;
    container.groups = summary->groups;
  }

  // Containers that a container keeps in its own default lxcpath, as far as this process may look into its root. Which of them
  // run is told by the sockets of its network namespace; their monitors can't be asked from here.
  void add_nested(pid_t init, const std::string& parent, unsigned depth) {
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
  cgroup::Host host_;
  runtime::SummaryReader summaries_;
  std::vector<Listed> found_;
};

}  // namespace

Result<std::vector<Listed>> list_containers(const Selection& selection, unsigned needs) { return Lister(selection, needs).run(); }

}  // namespace berth::cli
