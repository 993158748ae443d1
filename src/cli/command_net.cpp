// Runs in: host commands.
#include <array>
#include <ctime>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/report.hpp"
#include "network/bridge_service/host_settings.hpp"
#include "network/bridge_service/service.hpp"
#include "os/rundir.hpp"
#include "sys/process.hpp"

namespace berth::cli {

namespace bridge_service = network::bridge_service;
namespace {

constexpr int kExitUsage = 2;       // as LXC's
constexpr int kExitNotRunning = 3;  // of `status`, as for services everywhere

struct NetOptions : Common {
  std::vector<std::string> settings_files;
  std::string run_directory;
  bool json = false;
};

constexpr Option kOptions[] = {
    {"config", 0, Takes::kValue, "FILE", "read the settings from FILE instead of /etc/default/lxc and lxc-net\n(can be repeated)",
     add_text<&NetOptions::settings_files>},
    {"run-directory", 0, Takes::kValue, "DIR", "keep the state in DIR instead of /run/lxc", set_text<&NetOptions::run_directory>},
    {"json", 0, Takes::kNothing, "", "status: print JSON", set_flag<&NetOptions::json>},
};

enum class Action { kStart, kStop, kRestart, kStatus };
struct ActionWord {
  std::string_view word;
  Action action;
};
constexpr auto kActions = std::to_array<ActionWord>({{"start", Action::kStart},
                                                     {"stop", Action::kStop},
                                                     {"restart", Action::kRestart},
                                                     {"reload", Action::kRestart},
                                                     {"force-reload", Action::kRestart},
                                                     {"status", Action::kStatus}});

Result<Action> action_of(const std::vector<std::string>& words) {
  constexpr std::string_view kForms = "start, stop, restart, reload, force-reload or status";
  if (words.empty()) return fail(Error::message("what shall be done?").hint(kForms));
  for (const ActionWord& row : kActions) {
    if (row.word == words[0] && words.size() == 1) return row.action;
    if (row.word == words[0]) return fail(strings::cat("'", words[1], "' is one argument too many"));
  }
  return fail(Error::message(strings::cat("'", words[0], "' is not an action")).hint(kForms));
}

Error refusal(const std::vector<bridge_service::SettingsProblem>& problems) {
  const std::size_t count = problems.size();
  return Error::message(count == 1 ? std::string("the settings have a mistake")
                                   : strings::cat("the settings have ", count, " mistakes"))
      .output(bridge_service::describe(problems));
}

Result<std::string> run_directory_of(const NetOptions& options) {
  if (!options.run_directory.empty()) {
    if (options.run_directory.starts_with('/')) return options.run_directory;
    return fail("--run-directory: the whole path is needed, from '/'");
  }
  return strings::cat(TRY(os::run_directory()), "/lxc");
}

void warn(const Common& options, const std::vector<std::string>& warnings) {
  for (const std::string& text : warnings) notice(options, strings::cat("warning: ", text));
}

void tell(const Common& options, const bridge_service::ServiceReport& report, std::string_view otherwise) {
  warn(options, report.warnings);
  for (const std::string& text : report.notes) notice(options, text);
  if (!report.changed) notice(options, otherwise);
}

std::string expiry_text(std::uint64_t expires) {
  if (expires == 0) return "never expires";
  const auto seconds = static_cast<time_t>(expires);
  struct tm parts = {};
  char text[32];
  if (::gmtime_r(&seconds, &parts) == nullptr || std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
    return "expires some day";
  return strings::cat("expires ", text);
}

void print_text(const bridge_service::BridgeSettings& settings, const bridge_service::ServiceStatus& status) {
  const auto line = [](std::string_view name, std::string_view value) {
    std::string head = strings::cat(name, ':');
    head.resize(16, ' ');
    print(strings::cat(head, value, '\n'));
  };
  line("Bridge", settings.bridge);
  line("State", status.running          ? "running"
                : status.changing       ? "starting or stopping"
                : status.faults.empty() ? "not running"
                                        : "faulty");
  for (const std::string& fault : status.faults) line("Fault", fault);
  if (status.bridge) {
    for (const os::LinkAddress& address : status.bridge->link.addresses)
      line("Address", strings::cat(address.text, '/', address.prefix_length));
    line("Ports", status.bridge->ports.empty() ? "none" : strings::join(status.bridge->ports, " "));
  }
  if (!status.filter.empty()) line("NAT", strings::cat(strings::join(status.translated, ", "), " by ", status.filter));
  if (status.resolver) line("dnsmasq", strings::cat("pid ", *status.resolver));
  for (const bridge_service::Lease& lease : status.leases) {
    line("Lease", strings::cat(lease.address, ' ', lease.name.empty() ? "(no name)" : strings::printable(lease.name), ' ',
                               lease.hardware_address, lease.hardware_address.empty() ? "" : " ", expiry_text(lease.expires)));
  }
}

void write_leases(JsonWriter& json, const std::vector<bridge_service::Lease>& leases) {
  json.key("leases").begin_array();
  for (const bridge_service::Lease& lease : leases) {
    json.begin_object().key("address").value(lease.address).key("name").value(lease.name);
    json.key("hardware_address").value(lease.hardware_address).key("expires");
    if (lease.expires == 0)
      json.null();
    else
      json.value(lease.expires);
    json.end_object();
  }
  json.end_array();
}

void print_json(const bridge_service::BridgeSettings& settings, const bridge_service::ServiceStatus& status) {
  JsonWriter json;
  json.begin_object().key("bridge").value(settings.bridge).key("running").value(status.running);
  json.key("changing").value(status.changing);
  json.key("faults").value(status.faults);
  std::vector<std::string> addresses, ports;
  if (status.bridge) {
    ports = status.bridge->ports;
    for (const os::LinkAddress& address : status.bridge->link.addresses)
      addresses.push_back(strings::cat(address.text, '/', address.prefix_length));
  }
  json.key("addresses").value(addresses).key("ports").value(ports);
  json.key("filter").value(status.filter).key("translated").value(status.translated).key("dnsmasq_pid");
  if (status.resolver)
    json.value(*status.resolver);
  else
    json.null();
  write_leases(json, status.leases);
  print(json.end_object().take());
}

Result<int> print_status(const NetOptions& options, const bridge_service::BridgeSettings& settings,
                         bridge_service::BridgeService& service) {
  const bridge_service::ServiceStatus status = TRY(service.status());
  (options.json ? print_json : print_text)(settings, status);
  return status.running ? 0 : kExitNotRunning;
}

Status require_root() {
  if (sys::effective_uid() == 0) return {};
  return fail(Error::message("the network of this host can be changed by root only", EPERM).hint("run it as root"));
}

Result<int> change(const NetOptions& options, Action action, bool wanted, bridge_service::BridgeService& service) {
  TRY(require_root());
  if (action == Action::kStop || !wanted) {
    // One that is wanted no longer is stopped all the same.
    const auto report = TRY(service.stop());
    const bool stop = action == Action::kStop;
    tell(options, report, stop ? "not running" : "USE_LXC_BRIDGE is false: nothing to start");
    return 0;
  }
  const auto report = TRY(action == Action::kStart ? service.start() : service.restart());
  tell(options, report, "already running");
  return 0;
}

Result<int> perform(NetOptions& options, Action action) {
  const auto checked = TRY(bridge_service::read_host_settings(options.settings_files));
  const bool named = bridge_service::is_bridge_name(checked.settings.bridge);
  const bool unwanted = !checked.settings.wanted && action != Action::kStatus && action != Action::kStop;
  if (unwanted && !named) {
    notice(options, "USE_LXC_BRIDGE is false: nothing to start");
    return 0;
  }
  // A stop needs the name only: mistakes elsewhere must not keep a bridge alive, nor call for one that is not wanted.
  const bool can_go_on = checked.problems.empty() || (named && (action == Action::kStop || unwanted));
  if (!can_go_on) return fail(refusal(checked.problems));
  if (action != Action::kStop) warn(options, checked.warnings);
  bridge_service::BridgeService service(checked.settings, TRY(run_directory_of(options)));
  if (action == Action::kStatus) return print_status(options, checked.settings, service);
  return change(options, action, checked.settings.wanted, service);
}

}  // namespace

int run_net(int argc, char** argv) {
  NetOptions options;
  if (const auto over = parse(kNet, options, argc, argv)) return finish(options, *over == 0 ? 0 : kExitUsage);
  const auto action = action_of(options.arguments);
  if (!action) {
    report(options, action.error());
    return finish(options, kExitUsage);
  }
  const Result<int> status = perform(options, *action);
  if (!status) report(options, status.error());
  return finish(options, status.value_or(kExitFailure));
}

const Command kNet = {"net",
                      "start|stop|restart|reload|force-reload|status",
                      "the bridge that containers of this host share: start, stop, status",
                      "start or stop the bridge lxcbr0 with its addresses, DHCP, DNS and address translation; the\n"
                      "settings are those of LXC: /etc/default/lxc and /etc/default/lxc-net (docs/networks-lxc-net.md)",
                      kOptions,
                      run_net,
                      false,
                      false};

}  // namespace berth::cli
