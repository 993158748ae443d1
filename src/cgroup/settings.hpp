// Decides into which file of which hierarchy each lxc.cgroup.* and lxc.cgroup2.* value goes. Inside this layer only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/naming.hpp"

namespace berth::cgroup {

struct Ground {
  const Host& host;
  const std::vector<Placement>& placements;
  const std::vector<Hierarchy>& skipped;  // mounted, but not writable for the caller
  std::string available;                  // controllers that the unified base offers, "cpu memory"
};

struct Routed {
  std::vector<Write> writes;             // in configuration order
  std::vector<std::string> controllers;  // unified controllers that these writes need
  std::vector<std::string> warnings;
  std::optional<DeviceProgram> devices;
};

// Errors: a setting that no hierarchy takes, with its line and what there is.
Result<Routed> route_settings(const Ground& ground, const Request& request);

}  // namespace berth::cgroup
