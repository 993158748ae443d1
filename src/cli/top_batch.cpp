// Runs in: host commands.
#include "base/strings.hpp"
#include "cli/interface_json.hpp"
#include "cli/json.hpp"
#include "cli/top_table.hpp"

namespace berth::cli {
namespace {

using Number = std::optional<std::uint64_t>;

constexpr std::uint64_t kTickNs = 10'000'000;  // USER_HZ = 100

// A field with a comma, a quote or a line end in it stands in quotes (RFC 4180).
std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

// "eth0:RECEIVED:SENT eth1:..."
std::string interfaces_text(const std::vector<os::Link>& links) {
  std::string text;
  for (const os::Link& link : links) {
    const os::LinkCounters counters = link.counters.value_or(os::LinkCounters{});
    text += strings::cat(text.empty() ? "" : " ", strings::printable(link.name), ':', counters.rx_bytes, ':', counters.tx_bytes);
  }
  return quoted(text);
}

std::string extension(const runtime::Usage& usage) {
  std::uint64_t received = 0, sent = 0;
  const std::vector<os::Link> none;
  const std::vector<os::Link>& links = usage.interfaces ? *usage.interfaces : none;
  for (const os::Link& link : links) {
    received += link.counters ? link.counters->rx_bytes : 0;
    sent += link.counters ? link.counters->tx_bytes : 0;
  }
  return strings::cat(',', usage.load.processes.value_or(0), ',', received, ',', sent, ',', interfaces_text(links));
}

std::string batch_line(std::int64_t time_ms, const runtime::Usage& usage) {
  const cgroup::Load& load = usage.load;
  const std::uint64_t memory = load.stats.memory.value_or(0);
  const std::uint64_t with_swap = load.stats.swap ? memory + *load.stats.swap : 0;
  return strings::cat(time_ms, ',', quoted(usage.name), ',', load.stats.cpu_ns.value_or(0), ',',
                      load.cpu_system_ns.value_or(0) / kTickNs, ',', load.cpu_user_ns.value_or(0) / kTickNs, ',',
                      load.blkio_total.value_or(0), ',', load.blkio_requests.value_or(0), ',', memory, ',', with_swap, ',',
                      load.stats.kernel_memory.value_or(0));
}

void put(JsonWriter& json, std::string_view key, Number number) {
  json.key(key);
  if (number)
    json.value(*number);
  else
    json.null();
}

// A rate as a whole number of `unit`s.
void put_rate(JsonWriter& json, std::string_view key, const runtime::Rate& rate, double unit = 1) {
  put(json, key, rate ? Number(static_cast<std::uint64_t>(*rate * unit)) : std::nullopt);
}

void put_load(JsonWriter& json, const cgroup::Load& load) {
  put(json, "cpu_ns", load.stats.cpu_ns);
  put(json, "cpu_system_ns", load.cpu_system_ns);
  put(json, "cpu_user_ns", load.cpu_user_ns);
  put(json, "blkio_bytes", load.blkio_total);
  put(json, "blkio_read_bytes", load.blkio_read);
  put(json, "blkio_written_bytes", load.blkio_written);
  put(json, "blkio_requests", load.blkio_requests);
  put(json, "memory_bytes", load.stats.memory);
  put(json, "swap_bytes", load.stats.swap);
  put(json, "kernel_memory_bytes", load.stats.kernel_memory);
  put(json, "processes", load.processes);
}

void put_interfaces(JsonWriter& json, const TopRow& row) {
  json.key("interfaces");
  if (!row.usage->interfaces) {
    json.null();
    return;
  }
  json.begin_array();
  for (std::size_t i = 0; i < row.usage->interfaces->size(); ++i) {
    const os::Link& link = (*row.usage->interfaces)[i];
    json.begin_object().key("name").value(link.name);
    if (link.counters) put_counters(json, *link.counters);
    put_rate(json, "rx_bytes_per_second", row.rates->interfaces[i].received);
    put_rate(json, "tx_bytes_per_second", row.rates->interfaces[i].sent);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string batch_titles(bool extended) {
  return strings::cat("time_ms,container,cpu_nanos,cpu_sys_userhz,cpu_user_userhz,blkio_bytes,blkio_iops,mem_used_bytes,",
                      "memsw_used_bytes,kernel_mem_used_bytes", extended ? ",processes,rx_bytes,tx_bytes,interfaces" : "", '\n');
}

std::string batch_lines(const runtime::Sample& sample, const std::vector<TopRow>& rows, bool extended) {
  std::string text;
  for (const TopRow& row : rows) {
    text += batch_line(sample.wall.count(), *row.usage);
    if (extended) text += extension(*row.usage);
    text += '\n';
  }
  return text;
}

std::string json_lines(const runtime::Sample& sample, const std::vector<TopRow>& rows) {
  std::string text;
  for (const TopRow& row : rows) {
    JsonWriter json(JsonWriter::Layout::kOneLine);
    json.begin_object().key("time_ms").value(sample.wall.count());
    json.key("name").value(row.usage->name).key("lxcpath").value(row.usage->lxcpath).key("pid").value(row.usage->init);
    put_load(json, row.usage->load);
    constexpr double kPerMille = 1000;
    put_rate(json, "cpu_per_mille", row.rates->cpu, kPerMille);
    put_rate(json, "rx_bytes_per_second", row.rates->received);
    put_rate(json, "tx_bytes_per_second", row.rates->sent);
    put_interfaces(json, row);
    json.end_object();
    text += json.take();
  }
  return text;
}

}  // namespace berth::cli
