// Device rules of a running container.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "cgroup/device_program.hpp"
#include "runtime/command_client.hpp"

namespace berth::runtime {

// Into the v1 controller of the container's limit group where the host has one, else by its monitor. What the rule changes:
// those of its accesses that were not so before, as far as that can be told.
Result<std::uint32_t> change_device_rule(const CommandClient& client, const cgroup::DeviceRule& rule);

}  // namespace berth::runtime
