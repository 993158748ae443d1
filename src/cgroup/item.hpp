// One file of a living container's groups, asked for in the words of either cgroup version.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cgroup/device_program.hpp"
#include "cgroup/driver.hpp"

namespace berth::cgroup {

// The container's limit group in one hierarchy.
struct LimitGroup {
  std::string controllers;  // as in Hierarchy; empty = unified
  std::string directory;    // absolute
  [[nodiscard]] bool unified() const { return controllers.empty(); }
};

// What `file` ("memory.max", "cpu.shares") holds: the kernel's own text where a group has that file, else the files of the
// other version that mean the same, in the words that the asked one would use. Errors: no such file, and nothing that means
// the same; not a name of a file.
Result<std::string> read_item(std::span<const LimitGroup> groups, const std::string& file);

// The writes that set `file` to `value`, in order. Errors as of read_item; a value that can't be translated.
Result<std::vector<Write>> item_writes(std::span<const LimitGroup> groups, const std::string& file, const std::string& value);

// Into devices.allow or devices.deny of a v1 group. What the rule changes, as changed_accesses gives it; the kernel does not tell
// the exceptions of a group that may use every device: then it is 0.
Result<std::uint32_t> write_device_rule(const std::string& directory, const DeviceRule& rule);

}  // namespace berth::cgroup
