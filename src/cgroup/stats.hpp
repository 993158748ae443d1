// What a running container uses, for lxc-info -S, lxc-ls and lxc-top.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace berth::cgroup {

// Absolute directories of the container's groups; empty = that hierarchy is not there.
struct StatsDirectories {
  std::string memory, cpuacct, blkio;  // v1
  std::string unified;                 // v2
  std::string pids = {};               // v1; read by read_load() only
};

// Bytes and nanoseconds; nothing where the kernel or the layout does not count it.
struct Stats {
  std::optional<std::uint64_t> memory;
  std::optional<std::uint64_t> kernel_memory;
  std::optional<std::uint64_t> swap;
  std::optional<std::uint64_t> cpu_ns;
  std::optional<std::uint64_t> blkio;  // v1 only: LXC shows none on v2
};

// A v1 group that is there goes before v2. Errors: a directory that is named but does not exist (the container is gone).
Result<Stats> read_stats(const StatsDirectories& directories);

// What lxc-top shows beyond that.
struct Load {
  Stats stats;
  std::optional<std::uint64_t> cpu_user_ns, cpu_system_ns;                              // v1 counts ticks of 10 ms
  std::optional<std::uint64_t> blkio_total, blkio_read, blkio_written, blkio_requests;  // bytes, number; of v2 too
  std::optional<std::uint64_t> processes;                                               // threads too
};
// The same errors.
Result<Load> read_load(const StatsDirectories& directories);

// "KEY NUMBER" lines (memory.stat, cpu.stat): the number of `key`.
std::optional<std::uint64_t> keyed_value(std::string_view text, std::string_view key);

}  // namespace berth::cgroup
