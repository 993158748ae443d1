// Runs in: host commands.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "cli/commands.hpp"
#include "cli/interface_json.hpp"
#include "cli/json.hpp"
#include "cli/report.hpp"
#include "cli/units.hpp"
#include "config/parser.hpp"
#include "runtime/inspect.hpp"
#include "runtime/network_use.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

struct InfoOptions : Common {
  std::vector<std::string> keys;
  bool ips = false, pid = false, stats = false, raw = false, state = false, json = false;

  [[nodiscard]] bool all() const { return !ips && !pid && !stats && !state && keys.empty(); }
  [[nodiscard]] std::size_t filters() const { return keys.size() + (ips ? 1U : 0U) + (pid ? 1U : 0U) + (state ? 1U : 0U); }
};

constexpr Option kOptions[] = {
    {"config", 'c', Takes::kValue, "KEY", "show configuration variable KEY from running container", add_text<&InfoOptions::keys>},
    {"ips", 'i', Takes::kNothing, "", "shows the IP addresses", set_flag<&InfoOptions::ips>},
    {"pid", 'p', Takes::kNothing, "", "shows the process id of the init container", set_flag<&InfoOptions::pid>},
    {"stats", 'S', Takes::kNothing, "", "shows usage stats", set_flag<&InfoOptions::stats>},
    {"no-humanize", 'H', Takes::kNothing, "", "shows stats as raw numbers, not humanized", set_flag<&InfoOptions::raw>},
    {"state", 's', Takes::kNothing, "", "shows the state of the container", set_flag<&InfoOptions::state>},
    {"json", 0, Takes::kNothing, "", "shows everything as JSON", set_flag<&InfoOptions::json>},
};

struct Info {
  std::string name, lxcpath;
  runtime::State state = runtime::State::kStopped;
  std::optional<pid_t> pid;
  std::vector<std::string> addresses;
  cgroup::Stats stats;
  std::vector<runtime::ConfiguredNetwork> configured;
  std::vector<runtime::NetworkUse> networks;
  std::vector<os::Link> interfaces;  // inside; for --json
  std::vector<std::pair<std::string, std::optional<std::string>>> items;
};

// --- gathering -----------------------------------------------------------------------------------------------------------

// What the container has inside; nothing where the caller may not enter its network namespace.
std::vector<os::Link> links_inside(pid_t init, bool only_addressed) {
  const auto visitor = runtime::NetworkVisitor::create(runtime::NetworkVisitor::Who::kSelf);
  if (!visitor) return {};
  return (only_addressed ? visitor->addressed_links_of(init) : visitor->links_of(init)).value_or(std::vector<os::Link>{});
}

std::vector<std::string> addresses_of(const std::vector<os::Link>& links) {
  std::vector<std::string> texts = runtime::shown_addresses(links, AF_INET);
  for (std::string& text : runtime::shown_addresses(links, AF_INET6)) texts.push_back(std::move(text));
  return texts;
}

// What it has then are the host's interfaces, which are not its own.
bool has_our_network(pid_t init) {
  const auto inside = sys::stat(strings::cat("/proc/", init, "/ns/net")), own = sys::stat("/proc/self/ns/net");
  return inside && own && inside->st_ino == own->st_ino;
}

// Asks for no more than is shown: most containers have no counters but those of veths, which the host has.
Status gather_networks(const InfoOptions& options, const runtime::CommandClient& client, Info& info) {
  const bool statistics = options.all() || options.json || options.stats;
  if (statistics) info.configured = runtime::configured_networks(client);
  const auto counted_inside = [](const auto& network) { return !network.is_veth() && !network.host_name().empty(); };
  const bool whole = options.json || std::ranges::any_of(info.configured, counted_inside);
  if (info.pid && (whole || options.all() || options.ips)) info.interfaces = links_inside(*info.pid, !whole);
  if (options.all() || options.json || options.ips) info.addresses = addresses_of(info.interfaces);
  if (info.pid && has_our_network(*info.pid)) info.interfaces.clear();
  if (info.configured.empty()) return {};
  const auto host = TRY(TRY(os::Netlink::open()).bare_links());
  info.networks = runtime::network_use(info.configured, host, info.interfaces);
  return {};
}

std::optional<std::string> item_of(const runtime::Container& container, const std::string& key) {
  if (auto value = container.client().config_item(key)) return std::move(*value);
  const auto conf = container.load();
  if (!conf) return std::nullopt;
  auto value = config::get_item(*conf, key);
  return value ? std::optional(std::move(*value)) : std::nullopt;
}

Result<Info> gather(const InfoOptions& options, const runtime::Container& container) {
  const runtime::CommandClient client = container.client();
  const bool everything = options.all() || options.json;
  Info info{.name = container.name(),
            .lxcpath = container.lxcpath(),
            .state = TRY(client.state()),
            .pid = {},
            .addresses = {},
            .stats = {},
            .configured = {},
            .networks = {},
            .interfaces = {},
            .items = {}};
  for (const std::string& key : options.keys) info.items.emplace_back(key, item_of(container, key));
  if (info.state == runtime::State::kStopped) return info;
  if (const auto pid = client.init_pid()) info.pid = *pid;
  TRY(gather_networks(options, client, info));
  if (!everything && !options.stats) return info;
  // A container that stops meanwhile has no statistics any more.
  const auto stats = runtime::read_stats(client, TRY(cgroup::detect_host()));
  if (stats) info.stats = *stats;
  return info;
}

// --- printing ------------------------------------------------------------------------------------------------------------

class Printer {
 public:
  Printer(bool bare, bool raw) : bare_(bare), raw_(raw) {}

  void line(std::string_view label, std::string_view value) {
    if (bare_) {
      text_ += strings::cat(value, '\n');
      return;
    }
    std::string head{label};
    head.resize(std::max<std::size_t>(head.size(), kLabelWidth), ' ');
    text_ += strings::cat(head, ' ', value, '\n');
  }
  void bytes(std::string_view label, std::optional<std::uint64_t> value) {
    if (value) line(label, raw_ ? std::to_string(*value) : human_bytes(*value));
  }
  void seconds(std::string_view label, std::optional<std::uint64_t> nanoseconds) {
    if (nanoseconds) line(label, raw_ ? std::to_string(*nanoseconds) : human_seconds(*nanoseconds));
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static constexpr std::size_t kLabelWidth = 15;
  bool bare_, raw_;
  std::string text_;
};

void print_stats(Printer& out, const Info& info) {
  out.seconds("CPU use:", info.stats.cpu_ns);
  out.bytes("BlkIO use:", info.stats.blkio);
  out.bytes("Memory use:", info.stats.memory);
  out.bytes("KMem use:", info.stats.kernel_memory);
  for (const runtime::NetworkUse& link : info.networks) {
    out.line("Link:", strings::printable(link.name));
    out.bytes(" TX bytes:", link.sent);
    out.bytes(" RX bytes:", link.received);
    out.bytes(" Total bytes:", link.sent + link.received);
  }
}

void print_items(const InfoOptions& options, const Info& info, bool bare, std::string& text) {
  for (const auto& [key, value] : info.items) {
    if (!value)
      notice(options, strings::cat(key, " invalid"));
    else
      text += bare ? *value + "\n" : strings::cat(key, " = ", *value, '\n');
  }
}

std::string as_text(const InfoOptions& options, const Info& info) {
  const bool bare = options.raw && options.filters() == 1 && !options.stats;
  const bool everything = options.all();
  Printer out(bare, options.raw);
  if (everything) out.line("Name:", info.name);
  if (everything || options.state) out.line("State:", runtime::state_name(info.state));
  if ((everything || options.pid) && info.pid) out.line("PID:", std::to_string(*info.pid));
  if (everything || options.ips) {
    for (const std::string& address : info.addresses) out.line("IP:", address);
  }
  if (everything || options.stats) print_stats(out, info);
  std::string text = out.text();
  print_items(options, info, bare, text);
  return text;
}

void put(JsonWriter& json, std::string_view key, std::optional<std::uint64_t> number) {
  json.key(key);
  if (number)
    json.value(*number);
  else
    json.null();
}

void put_networks(JsonWriter& json, const std::vector<runtime::NetworkUse>& networks) {
  json.key("links").begin_array();
  for (const runtime::NetworkUse& use : networks) {
    json.begin_object().key("name").value(use.name).key("tx_bytes").value(use.sent);
    json.key("rx_bytes").value(use.received).end_object();
  }
  json.end_array();
}

void put_items(JsonWriter& json, const Info& info) {
  json.key("config").begin_object();
  for (const auto& [key, value] : info.items) {
    json.key(key);
    if (value)
      json.value(*value);
    else
      json.null();
  }
  json.end_object();
}

std::string print_json(const Info& info) {
  JsonWriter json;
  json.begin_object().key("name").value(info.name).key("lxcpath").value(info.lxcpath);
  json.key("state").value(runtime::state_name(info.state)).key("pid");
  if (info.pid)
    json.value(*info.pid);
  else
    json.null();
  json.key("ips").value(info.addresses).key("stats").begin_object();
  put(json, "cpu_ns", info.stats.cpu_ns);
  put(json, "blkio_bytes", info.stats.blkio);
  put(json, "memory_bytes", info.stats.memory);
  put(json, "kernel_memory_bytes", info.stats.kernel_memory);
  json.end_object();
  put_networks(json, info.networks);
  json.key("interfaces").begin_array();
  for (const os::Link& link : info.interfaces) put_interface(json, link);
  json.end_array();
  put_items(json, info);
  json.end_object();
  return json.take();
}

Result<int> info(InfoOptions& options) {
  TRY(refuse_more_arguments(options));
  const auto container = TRY(open_container(options));
  if (!container.defined() && !TRY(container.client().reachable())) {
    // LXC's own words come first: scripts look for them.
    return fail(no_such_container(container).context(strings::cat(container.name(), " doesn't exist")));
  }
  const Info found = TRY(gather(options, container));
  print(options.json ? print_json(found) : as_text(options, found));
  return 0;
}

}  // namespace

int run_info(int argc, char** argv) { return run_command<InfoOptions>(kInfo, argc, argv, info); }

const Command kInfo = {
    "info",   "--name=NAME", "state, addresses and use of a container", "show what the container NAME is and uses",
    kOptions, run_info};

}  // namespace berth::cli
