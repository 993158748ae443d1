// Runs in: host commands.
#include <poll.h>
#include <regex.h>
#include <sys/wait.h>

#include "cli/commands.hpp"
#include "cli/lxcpaths.hpp"
#include "cli/report.hpp"
#include "runtime/monitord_client.hpp"
#include "sys/socket.hpp"

namespace berth::cli {
namespace {

using runtime::MessageType;
using runtime::MonitordClient;

struct MonitorOptions : WithLxcpaths {
  bool quit = false;
};

constexpr Option kOptions[] = {
    {"lxcpath", 'P', Takes::kValue, "PATH", "monitor the containers of PATH, may be given more than once", add_lxcpath},
    {"quit", 'Q', Takes::kNothing, "", "tell lxc-monitord to quit", set_flag<&MonitorOptions::quit>},
};

// Which names are shown: an extended regular expression that covers the whole name.
class NamePattern {
 public:
  static Result<NamePattern> compile(const std::string& name) {
    NamePattern pattern;
    const std::string text = strings::cat("^(", name.empty() ? ".*" : name, ")$");
    pattern.compiled_ = std::make_unique<regex_t>();
    const int result = ::regcomp(pattern.compiled_.get(), text.c_str(), REG_NOSUB | REG_EXTENDED);
    if (result == 0) return pattern;
    char reason[256];
    ::regerror(result, pattern.compiled_.get(), reason, sizeof reason);
    pattern.compiled_.reset();
    return fail(Error::message(strings::cat("'", name, "' is no regular expression: ", static_cast<const char*>(reason)), EINVAL)
                    .hint("give a name, or an extended regular expression such as 'web.*|db'; see regex(7)"));
  }
  NamePattern(NamePattern&&) noexcept = default;
  NamePattern& operator=(NamePattern&&) = delete;
  ~NamePattern() {
    if (compiled_) ::regfree(compiled_.get());
  }
  [[nodiscard]] bool matches(const char* name) const { return ::regexec(compiled_.get(), name, 0, nullptr, 0) == 0; }

 private:
  NamePattern() = default;
  std::unique_ptr<regex_t> compiled_;
};

std::string line_of(const runtime::StateMessage& message) {
  const std::string name = strings::printable(message.name);
  switch (static_cast<MessageType>(message.type)) {
    case MessageType::kState:
      return strings::cat("'", name, "' changed state to [", runtime::state_name(static_cast<runtime::State>(message.value)),
                          "]\n");
    case MessageType::kExitCode:
      return strings::cat("'", name, "' exited with status [", WEXITSTATUS(message.value), "]\n");
    case MessageType::kPriority:
      break;
  }
  return {};
}

// Somebody waits for what is shown: it is written at once.
Status show_next(MonitordClient& client, const NamePattern& pattern) {
  for (const runtime::StateMessage& message : TRY(client.receive())) {
    if (pattern.matches(message.name)) print(line_of(message));
  }
  return end_output();
}

Status listen(std::vector<MonitordClient>& clients, const NamePattern& pattern) {
  std::vector<pollfd> entries;
  for (const MonitordClient& client : clients) entries.push_back({client.fd(), POLLIN, 0});
  for (;;) {
    TRY(sys::poll(entries, -1));
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (entries[i].revents != 0) TRY(show_next(clients[i], pattern));
    }
  }
}

// All of them are asked, whatever happens to one.
Result<int> quit(const Common& options, const std::vector<std::string>& lxcpaths) {
  int status = 0;
  for (const std::string& lxcpath : lxcpaths) {
    auto client = MonitordClient::connect(lxcpath);
    const Status asked = client ? client->ask_to_quit() : Status(fail(client.error()));
    if (asked) continue;
    const bool none = asked.error().code() == ECONNREFUSED;
    report(options, none ? Error::message(strings::cat("no lxc-monitord runs for ", lxcpath)) : asked.error());
    status = kExitFailure;
  }
  return status;
}

Result<int> monitor(MonitorOptions& options) {
  const std::vector<std::string> lxcpaths = TRY(lxcpaths_of(options));
  if (options.quit) return quit(options, lxcpaths);
  const NamePattern pattern = TRY(NamePattern::compile(options.name));
  std::vector<MonitordClient> clients;
  for (const std::string& lxcpath : lxcpaths) clients.push_back(TRY(MonitordClient::open(lxcpath)));
  TRY(listen(clients, pattern));
  return 0;
}

}  // namespace

int run_monitor(int argc, char** argv) { return run_command<MonitorOptions>(kMonitor, argc, argv, monitor); }

const Command kMonitor = {.name = "monitor",
                          .synopsis = "[--name=NAME]",
                          .summary = "show the states of containers as they change",
                          .description =
                              "show each change of state of the containers whose names match NAME,\n"
                              "a regular expression (all of them without it)",
                          .options = kOptions,
                          .run = run_monitor,
                          .name_required = false};

}  // namespace berth::cli
