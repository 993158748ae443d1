// Runs in: host commands.
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/report.hpp"
#include "cli/units.hpp"
#include "config/parser.hpp"
#include "runtime/inspect.hpp"
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

struct LinkUse {
  std::string name;
  std::uint64_t sent = 0, received = 0;  // by the container, bytes
};

struct Info {
  std::string name, lxcpath;
  runtime::State state = runtime::State::kStopped;
  std::optional<pid_t> pid;
  std::vector<std::string> addresses;
  cgroup::Stats stats;
  std::vector<LinkUse> links;
  std::vector<std::pair<std::string, std::optional<std::string>>> items;
};

// --- gathering -----------------------------------------------------------------------------------------------------------

std::optional<std::uint64_t> interface_counter(const std::string& interface, std::string_view counter) {
  const auto text = sys::read_file(strings::cat("/sys/class/net/", interface, "/statistics/", counter));
  return text ? strings::parse_number<std::uint64_t>(strings::trim(*text)) : std::nullopt;
}

// The host's ends of the container's interfaces; what the host receives there, the container sent.
std::vector<LinkUse> link_use(const runtime::CommandClient& client) {
  std::vector<LinkUse> links;
  for (int i = 0;; ++i) {
    const auto type = client.config_item(strings::cat("lxc.net.", i, ".type"));
    if (!type || type->empty()) return links;
    const auto name = client.config_item(strings::cat("lxc.net.", i, *type == "veth" ? ".veth.pair" : ".link"));
    if (!name || name->empty()) continue;
    const auto sent = interface_counter(*name, "rx_bytes");
    const auto received = interface_counter(*name, "tx_bytes");
    if (sent && received) links.push_back({*name, *sent, *received});
  }
}

// Where the caller may not enter the network namespace, there is nothing to show.
std::vector<std::string> addresses_of(pid_t init) {
  const auto visitor = runtime::NetworkVisitor::create(runtime::NetworkVisitor::Who::kSelf);
  if (!visitor) return {};
  const auto links = visitor->addressed_links_of(init);
  if (!links) return {};
  std::vector<std::string> texts = runtime::shown_addresses(*links, AF_INET);
  for (std::string& text : runtime::shown_addresses(*links, AF_INET6)) texts.push_back(std::move(text));
  return texts;
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
            .links = {},
            .items = {}};
  for (const std::string& key : options.keys) info.items.emplace_back(key, item_of(container, key));
  if (info.state == runtime::State::kStopped) return info;
  if (const auto pid = client.init_pid()) info.pid = *pid;
  if (info.pid && (everything || options.ips)) info.addresses = addresses_of(*info.pid);
  if (!everything && !options.stats) return info;
  // A container that stops meanwhile has no statistics any more.
  const auto stats = runtime::read_stats(client, TRY(cgroup::detect_host()));
  if (stats) info.stats = *stats;
  info.links = link_use(client);
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
  for (const LinkUse& link : info.links) {
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
  json.end_object().key("links").begin_array();
  for (const LinkUse& link : info.links) {
    json.begin_object()
        .key("name")
        .value(link.name)
        .key("tx_bytes")
        .value(link.sent)
        .key("rx_bytes")
        .value(link.received)
        .end_object();
  }
  json.end_array().key("config").begin_object();
  for (const auto& [key, value] : info.items) {
    json.key(key);
    if (value)
      json.value(*value);
    else
      json.null();
  }
  json.end_object().end_object();
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
