// Runs in: commands that show a container, and the monitor.
#include "cgroup/stats.hpp"

#include <array>
#include <cerrno>
#include <span>

#include "base/strings.hpp"
#include "cgroup/paths.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {

namespace {

using Value = std::optional<std::uint64_t>;

Value read_number(const std::string& directory, std::string_view file) {
  return strings::parse_number<std::uint64_t>(strings::trim(first_line(join_path(directory, file))));
}

// Nothing when none of the keys is there.
Value sum_of(std::string_view text, std::span<const std::string_view> keys) {
  Value sum;
  for (const auto key : keys) {
    if (const auto value = keyed_value(text, key)) sum = sum.value_or(0) + *value;
  }
  return sum;
}

Status check(const std::string& directory) {
  if (directory.empty() || sys::exists(directory)) return {};
  return fail(Error::from_errno(ENOENT, "stat", directory).context("reading the container's resource use"));
}

void read_v1_memory(const std::string& directory, Stats& stats) {
  stats.memory = read_number(directory, "memory.usage_in_bytes");
  stats.kernel_memory = read_number(directory, "memory.kmem.usage_in_bytes");
  const auto both = read_number(directory, "memory.memsw.usage_in_bytes");
  if (both && stats.memory) stats.swap = *both > *stats.memory ? *both - *stats.memory : 0;
}

// LXC 5: what the processes use without the page tables and sockets, which it counts as the kernel's.
void read_v2_memory(const std::string& directory, Stats& stats) {
  static constexpr std::array<std::string_view, 2> kUser = {"anon", "file"};
  static constexpr std::array<std::string_view, 4> kKernel = {"kernel_stack", "pagetables", "sock", "slab"};
  const auto text = sys::read_file(join_path(directory, "memory.stat")).value_or("");
  stats.memory = sum_of(text, kUser);
  stats.kernel_memory = sum_of(text, kKernel);
  stats.swap = read_number(directory, "memory.swap.current");
}

// cpu.stat is there on every v2 group, also where the cpu controller is on v1.
Value read_v2_cpu(const std::string& directory) {
  const auto usec = keyed_value(sys::read_file(join_path(directory, "cpu.stat")).value_or(""), "usage_usec");
  return usec ? Value(*usec * 1000) : std::nullopt;
}

Value read_v1_blkio(const std::string& directory) {
  return keyed_value(sys::read_file(join_path(directory, "blkio.throttle.io_service_bytes")).value_or(""), "Total");
}

// The v1 files of blkio have a line for each device and kind: "8:0 Read 4096".
Value sum_over_devices(std::string_view text, std::string_view kind) {
  Value sum;
  for (const auto line : strings::split_words(text, "\n")) {
    const auto words = strings::split_words(line);
    if (words.size() != 3 || words[1] != kind) continue;
    sum = sum.value_or(0) + strings::parse_number<std::uint64_t>(words[2]).value_or(0);
  }
  return sum;
}

// io.stat has one for each device: "8:0 rbytes=4096 wbytes=0 rios=1 ...".
Value sum_of_fields(std::string_view text, std::string_view field) {
  Value sum;
  for (const auto word : strings::split_words(text)) {
    if (word.size() <= field.size() || !word.starts_with(field) || word[field.size()] != '=') continue;
    sum = sum.value_or(0) + strings::parse_number<std::uint64_t>(word.substr(field.size() + 1)).value_or(0);
  }
  return sum;
}

Value together(Value one, Value other) { return one || other ? Value(one.value_or(0) + other.value_or(0)) : std::nullopt; }

Value times(Value value, std::uint64_t factor) { return value ? Value(*value * factor) : std::nullopt; }

void read_v1_cpu_parts(const std::string& directory, Load& load) {
  constexpr std::uint64_t kTickNs = 10'000'000;  // USER_HZ = 100
  const auto text = sys::read_file(join_path(directory, "cpuacct.stat")).value_or("");
  load.cpu_user_ns = times(keyed_value(text, "user"), kTickNs);
  load.cpu_system_ns = times(keyed_value(text, "system"), kTickNs);
}

void read_v2_cpu_parts(const std::string& directory, Load& load) {
  const auto text = sys::read_file(join_path(directory, "cpu.stat")).value_or("");
  load.cpu_user_ns = times(keyed_value(text, "user_usec"), 1000);
  load.cpu_system_ns = times(keyed_value(text, "system_usec"), 1000);
}

void read_v1_blkio_parts(const std::string& directory, Load& load) {
  const auto bytes = sys::read_file(join_path(directory, "blkio.throttle.io_service_bytes")).value_or("");
  load.blkio_total = keyed_value(bytes, "Total");
  load.blkio_read = sum_over_devices(bytes, "Read");
  load.blkio_written = sum_over_devices(bytes, "Write");
  load.blkio_requests = keyed_value(sys::read_file(join_path(directory, "blkio.throttle.io_serviced")).value_or(""), "Total");
}

void read_v2_blkio_parts(const std::string& directory, Load& load) {
  const auto text = sys::read_file(join_path(directory, "io.stat")).value_or("");
  load.blkio_read = sum_of_fields(text, "rbytes");
  load.blkio_written = sum_of_fields(text, "wbytes");
  load.blkio_total = together(load.blkio_read, load.blkio_written);
  load.blkio_requests = together(sum_of_fields(text, "rios"), sum_of_fields(text, "wios"));
}

}  // namespace

Value keyed_value(std::string_view text, std::string_view key) {
  for (const auto line : strings::split_words(text, "\n")) {
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return strings::parse_number<std::uint64_t>(strings::trim(line.substr(key.size())));
  }
  return std::nullopt;
}

Result<Stats> read_stats(const StatsDirectories& directories) {
  for (const auto* directory : {&directories.memory, &directories.cpuacct, &directories.blkio, &directories.unified})
    TRY(check(*directory));
  Stats stats;
  if (!directories.memory.empty()) {
    read_v1_memory(directories.memory, stats);
  } else if (!directories.unified.empty()) {
    read_v2_memory(directories.unified, stats);
  }
  if (!directories.cpuacct.empty())
    stats.cpu_ns = read_number(directories.cpuacct, "cpuacct.usage");
  else if (!directories.unified.empty())
    stats.cpu_ns = read_v2_cpu(directories.unified);
  if (!directories.blkio.empty()) stats.blkio = read_v1_blkio(directories.blkio);
  return stats;
}

Result<Load> read_load(const StatsDirectories& directories) {
  TRY(check(directories.pids));
  Load load;
  load.stats = TRY(read_stats(directories));
  const std::string& unified = directories.unified;
  if (!directories.cpuacct.empty())
    read_v1_cpu_parts(directories.cpuacct, load);
  else if (!unified.empty())
    read_v2_cpu_parts(unified, load);
  if (!directories.blkio.empty())
    read_v1_blkio_parts(directories.blkio, load);
  else if (!unified.empty())
    read_v2_blkio_parts(unified, load);
  const std::string& pids = directories.pids.empty() ? unified : directories.pids;
  if (!pids.empty()) load.processes = read_number(pids, "pids.current");
  return load;
}

}  // namespace berth::cgroup
