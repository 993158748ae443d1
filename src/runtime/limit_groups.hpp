// Where the limits of a running container are.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/item.hpp"
#include "runtime/command_client.hpp"

namespace berth::runtime {

// Path below the hierarchy of `controller`; monitors before LXC 4.0.3 know no limit group and give the payload's.
Result<std::string> limit_path(const CommandClient& client, const std::string& controller);

// One entry for each hierarchy of the host that the container is in. LXC's monitors close the connection when asked for one
// that they do not use: it is left out. Error: not running.
Result<std::vector<cgroup::LimitGroup>> limit_groups(const CommandClient& client);

}  // namespace berth::runtime
