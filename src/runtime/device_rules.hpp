// Device rules of a running container.
#pragma once

#include <string>

#include "base/result.hpp"
#include "runtime/command_client.hpp"

namespace berth::runtime {

// `rule`: "c 1:3 rwm". Into the v1 controller of the container's limit group where the host has one, else by its monitor.
Status change_device_rule(const CommandClient& client, bool allow, const std::string& rule);

}  // namespace berth::runtime
