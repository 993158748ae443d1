// Where a container's groups lie below the base of each hierarchy, and which name is free. Inside this layer only.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "cgroup/driver.hpp"

namespace berth::cgroup {

// A hierarchy that the container will use, and the directory below which all of its groups go.
struct Base {
  Hierarchy hierarchy;
  std::string directory;  // absolute
};

// Paths below a base.
struct Names {
  std::string monitor, limit, payload;
  bool fixed = false;  // lxc.cgroup.dir.monitor and .container: used as they are, never with a suffix
  bool fresh = false;  // no hierarchy has any of them (a fixed monitor group apart)
};

// lxc.cgroup.dir*: relative, without "..", .monitor together with .container, .inner one component.
Status check_directories(const Request& request);
// The name of the given attempt: 0 = plain, N = with "-N".
Names names_for(const Request& request, unsigned attempt);
std::string pivot_for(const Request& request);

// The first attempt that is free in all hierarchies together, or holds nothing but empty leftovers of a dead run.
Result<Names> choose_names(const std::vector<Base>& bases, const Request& request);

// Directories of `base` that must be removed, then made.
Placement place(const Base& base, const Names& names);

}  // namespace berth::cgroup
