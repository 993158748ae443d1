// What `berth config check` tells of a configuration that has no mistake, but means something else on this host than it says.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "cgroup/driver.hpp"
#include "config/conf.hpp"

namespace berth::cli {

// Each with its line: settings of the version of control groups that the host does not have, device rules among them, and what
// becomes of them at a start.
std::vector<Error> find_notes(const config::Conf& conf, cgroup::Layout layout);

}  // namespace berth::cli
